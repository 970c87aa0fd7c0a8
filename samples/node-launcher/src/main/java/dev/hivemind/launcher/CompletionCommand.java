package dev.hivemind.launcher;

import dev.hivemind.launcher.options.LauncherVersion;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hivemind completion}: prints what a shell needs to complete commands and options. */
@Command(
        name = "completion",
        description = "Print a script that makes a shell complete commands and options.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = {
            "%nExamples:%n  bash: source <(hivemind completion bash)",
            "  zsh:  source <(hivemind completion zsh), after 'autoload -U compinit && compinit'"
        })
final class CompletionCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SHELL", description = "bash or zsh.")
    @SuppressWarnings("NullAway.Init")
    private Shell shell;

    enum Shell {
        BASH,
        ZSH
    }

    @Override
    public void run() {
        var out = spec.commandLine().getOut();
        if (shell == Shell.ZSH) {
            out.println("autoload -U +X bashcompinit && bashcompinit");
        }
        out.println(AutoComplete.bash("hivemind", spec.root().commandLine()));
        out.flush();
    }
}
