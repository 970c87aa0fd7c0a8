package dev.hivemind.launcher.server;

import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertFactory;
import dev.hivemind.moe.expert.ExpertOption;
import dev.hivemind.moe.expert.ExpertOptions;
import java.util.List;

/** An expert class that does what {@code nop} does, under another name. */
public final class CustomFactory implements ExpertFactory {

    private final ExpertFactory nop = ExpertFactories.named("nop");

    /** For {@link java.util.ServiceLoader}. */
    public CustomFactory() {}

    @Override
    public String name() {
        return "custom";
    }

    @Override
    public String description() {
        return nop.description();
    }

    @Override
    public List<ExpertOption<?>> options() {
        return nop.options();
    }

    @Override
    public ExpertDefinition create(ExpertOptions options) {
        return nop.create(options);
    }
}
