package dev.hivemind.dht.expert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.expert.DirectoryChange.Kind;
import dev.hivemind.dht.expert.ExpertStatus.State;
import dev.hivemind.dht.sim.SimSwarm;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;

/** A watcher of a prefix, in virtual time. */
class DirectoryWatchTest {

    private static final Duration TTL = Duration.ofSeconds(60);
    private static final ExpertUid UID = new ExpertUid("ffn.3");

    private final SimSwarm swarm = new SimSwarm(5, node -> node).grow(20);
    private final List<Kind> seen = new ArrayList<>();
    private final Disposable watch = directory(7)
            .watch(new ExpertPrefix("ffn."), Duration.ofSeconds(5))
            .subscribe(change -> {
                assertThat(change.coordinate()).isEqualTo(3);
                seen.add(change.kind());
            });

    @AfterEach
    void close() {
        watch.dispose();
        swarm.close();
    }

    private ExpertDirectory directory(int node) {
        return new ExpertDirectory(swarm.node(node));
    }

    private void declare(int node, State state) {
        swarm.await(directory(node).declare(Map.of(UID, ExpertStatus.DEFAULT.with(state)), TTL));
        swarm.time().run(Duration.ofSeconds(10));
    }

    @Test
    void watch_ofAnExpertThatDrainsAndIsWithdrawn_tellsEachStep() {
        declare(1, State.JOINING);
        declare(1, State.ONLINE);
        declare(1, State.ONLINE);
        declare(1, State.DRAINING);
        swarm.await(directory(1).withdraw(List.of(UID), TTL));
        swarm.time().run(Duration.ofSeconds(10));

        assertThat(seen).containsExactly(Kind.JOINED, Kind.CHANGED, Kind.CHANGED, Kind.LEFT);
    }

    @Test
    void watch_ofAnExpertWhoseOwnerDies_tellsItWhenTheDeclarationExpires() {
        declare(1, State.ONLINE);
        swarm.members().get(1).transport().kill();
        swarm.time().run(Duration.ofSeconds(90));

        assertThat(seen).containsExactly(Kind.JOINED, Kind.LEFT);
    }

    @Test
    void watch_ofTwoOwners_tellsOfBoth() {
        declare(1, State.ONLINE);
        declare(2, State.ONLINE);

        assertThat(seen).containsExactly(Kind.JOINED, Kind.JOINED);
    }
}
