package dev.hivemind.launcher;

import dev.hivemind.launcher.options.HivemindCommand;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code hivemind completion}: prints what a shell needs to complete commands and options. */
@Command(
        name = "completion",
        description = "Print a script that makes a shell complete commands and options.",
        footer = {
            "%nExamples:%n  bash: source <(hivemind completion bash)",
            "  zsh:  source <(hivemind completion zsh), after 'autoload -U compinit && compinit'"
        })
final class CompletionCommand extends HivemindCommand implements Runnable {

    @Parameters(index = "0", paramLabel = "SHELL", description = "bash or zsh.")
    @SuppressWarnings("NullAway.Init")
    private Shell shell;

    enum Shell {
        BASH,
        ZSH
    }

    @Override
    public void run() {
        var out = out();
        if (shell == Shell.ZSH) {
            out.println("autoload -U +X bashcompinit && bashcompinit");
        }
        out.println(AutoComplete.bash("hivemind", Hivemind.commandLine()));
        out.flush();
    }
}
