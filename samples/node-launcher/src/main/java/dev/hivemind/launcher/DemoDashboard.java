package dev.hivemind.launcher;

import dev.hivemind.launcher.process.ChildProcessException;
import dev.hivemind.launcher.process.ChildProcesses;
import dev.hivemind.launcher.process.ReadyLine;
import dev.hivemind.launcher.process.ServerProcess;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.NodeEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The dashboard of the demo, in a process of its own that ends with it. Nothing waits for it: while it starts, training goes
 * on, and when it does not, too. Used by one thread.
 */
final class DemoDashboard implements AutoCloseable {

    private final @Nullable DashboardPort port;
    private final DemoDisplay display;
    private final CompletableFuture<ReadyLine> ready = new CompletableFuture<>();
    private @Nullable ChildProcesses children;
    private @Nullable ServerProcess process;
    private boolean told;

    /** A dashboard that is not started yet; null means that there is to be none. */
    DemoDashboard(@Nullable DashboardPort port, DemoDisplay display) {
        this.port = port;
        this.display = display;
    }

    /** Starts it, to join the swarm there, and does not wait for it. */
    void start(PeerAddress entry) {
        if (port == null) {
            return;
        }
        children = ChildProcesses.of(Hivemind.class);
        try {
            process = children.startSmall("Dashboard", arguments(entry, port.choose()));
            process.onReady().whenComplete((line, failure) -> {
                if (failure == null) {
                    ready.complete(line);
                } else {
                    ready.completeExceptionally(failure);
                }
            });
        } catch (ChildProcessException refused) {
            ready.completeExceptionally(refused);
        }
    }

    private static List<String> arguments(PeerAddress entry, int port) {
        return List.of(
                "dashboard",
                "--json",
                "--exit-with-parent",
                "--initial-peers",
                entry.toString(),
                "--port",
                String.valueOf(port));
    }

    /** Says where it is as soon as it is there, or that it will not be. */
    void tellWhenReady() throws ChildProcessException {
        if (told || !ready.isDone()) {
            return;
        }
        told = true;
        ready.handle((line, failure) -> {
            if (failure == null) {
                display.dashboard(line.url());
            } else {
                display.noDashboard(lastWords(failure));
            }
            return line;
        });
    }

    private String lastWords(Throwable failure) {
        ServerProcess ended = process;
        if (ended == null) {
            return ": %s.".formatted(failure.getMessage());
        }
        try {
            return ended.lastWords();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return ".";
        }
    }

    /**
     * Reports of a training, that reach the dashboard once it is ready.
     *
     * @param node of the trainer, which stays the caller's
     * @param entry where the trainer entered its swarm, so that the dashboard can too; null if it has none
     */
    DemoReports reports(String run, PeerNode node, @Nullable PeerAddress entry) {
        var reports = new DemoReports(run);
        if (port != null) {
            if (entry != null) {
                reports.add(reports.feed().greet(() -> List.of(entered(entry))));
            }
            reports.add(reports.feed().serve(node));
            reports.add(Mono.fromFuture(ready, true)
                    .flatMapMany(line -> EventFeed.offer(node, line.addresses().get(0)))
                    .subscribe(accepted -> {}, failed -> {}));
        }
        return reports;
    }

    private static EventMessage.Builder entered(PeerAddress entry) {
        return EventMessage.newBuilder()
                .setNode(NodeEventMessage.newBuilder()
                        .setKind(NodeEventMessage.Kind.KIND_PEER_CONNECTED)
                        .addAddresses(entry.toString()));
    }

    @Override
    public void close() {
        if (children != null) {
            children.close();
        }
    }
}
