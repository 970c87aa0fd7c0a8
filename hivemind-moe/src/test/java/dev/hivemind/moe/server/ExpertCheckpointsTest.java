package dev.hivemind.moe.server;

import static dev.hivemind.moe.server.Backends.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import ai.djl.ndarray.NDList;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.moe.training.checkpoint.CheckpointStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class ExpertCheckpointsTest {

    private static final Duration NEVER = Duration.ofDays(1);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @RegisterExtension
    final Backends backends = new Backends();

    @TempDir
    private Path directory;

    private void train(ExpertBackend backend, int steps) {
        for (int i = 0; i < steps; i++) {
            backend.backward(new NDList(backends.batch(), backends.batch()));
        }
    }

    private ExpertCheckpoints load(Duration period, ExpertBackend backend) {
        return ExpertCheckpoints.load(directory, period, Map.of("ffn.3", backend));
    }

    @Test
    void close_afterSteps_savesAllThatAnotherNeedsToGoOn() {
        ExpertBackend trained = backends.ffn(OptimizerConfig.adam());
        ExpertCheckpoints checkpoints = load(NEVER, trained);
        train(trained, 3);
        checkpoints.close();

        ExpertBackend other = backends.ffn(OptimizerConfig.adam());
        load(NEVER, other).close();

        assertThat(other.optimizer().steps()).isEqualTo(3);
        assertSame(other.parameters(), trained.parameters());
        assertSame(other.optimizer().state(), trained.optimizer().state());
    }

    @Test
    void close_withoutSteps_savesNothing() {
        load(NEVER, backends.ffn(OptimizerConfig.sgd())).close();

        assertThat(ExpertServer.checkpointed(directory)).isEmpty();
    }

    @Test
    void start_savesAfterAPeriod() {
        ExpertBackend trained = backends.ffn(OptimizerConfig.sgd());
        train(trained, 1);
        ExpertCheckpoints checkpoints = load(Duration.ofMillis(10), trained);

        checkpoints.start();

        Checkpoint saved = awaitLatest(new CheckpointStore(directory.resolve("ffn.3"), 1));
        assertThat(saved.state().step()).isEqualTo(1);
        checkpoints.close();
    }

    private static Checkpoint awaitLatest(CheckpointStore store) {
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (System.nanoTime() < end) {
            Checkpoint latest = store.latest();
            if (latest != null) {
                return latest;
            }
            Thread.onSpinWait();
        }
        return fail("Nothing was saved");
    }

    @Test
    void load_ofAnotherOptimizer_isRefused() {
        ExpertBackend trained = backends.ffn(OptimizerConfig.adam());
        ExpertCheckpoints checkpoints = load(NEVER, trained);
        train(trained, 1);
        checkpoints.close();

        assertThatThrownBy(() -> load(NEVER, backends.ffn(OptimizerConfig.sgd())))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("expert ffn.3")
                .hasMessageContaining("same settings");
    }

    @Test
    void load_ofANameThatIsNoUid_isRefused() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());

        assertThatThrownBy(() -> ExpertCheckpoints.load(directory, NEVER, Map.of("../up", backend)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void load_ofANameWithSlashes_staysInTheDirectory() {
        ExpertBackend trained = backends.ffn(OptimizerConfig.sgd());
        String uid = "/a b/*ü.3";
        ExpertCheckpoints checkpoints = ExpertCheckpoints.load(directory.resolve("state"), NEVER, Map.of(uid, trained));
        train(trained, 1);
        checkpoints.close();

        assertThat(ExpertServer.checkpointed(directory.resolve("state"))).containsExactly(new ExpertUid(uid));
        assertThat(directory).isDirectoryNotContaining(path -> !path.endsWith("state"));
    }

    @Test
    void load_ofANameTooLongForADirectory_isRefused() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());

        assertThatThrownBy(() -> ExpertCheckpoints.load(directory, NEVER, Map.of("ü".repeat(40) + ".1", backend)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("shorter");
    }

    @Test
    void load_whatAnotherKeeps_isRefusedUntilThatIsClosed() {
        ExpertCheckpoints first = load(NEVER, backends.ffn(OptimizerConfig.sgd()));

        assertThatThrownBy(() -> load(NEVER, backends.ffn(OptimizerConfig.sgd())))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Another server keeps expert ffn.3")
                .hasMessageNotContaining("\n");
        first.close();

        load(NEVER, backends.ffn(OptimizerConfig.sgd())).close();
    }

    @Test
    void load_thatFails_letsGoOfWhatItTook() {
        ExpertBackend backend = backends.ffn(OptimizerConfig.sgd());
        Map<String, ExpertBackend> some = new LinkedHashMap<>(Map.of("ffn.3", backend));
        some.put("no uid", backend);
        assertThatThrownBy(() -> ExpertCheckpoints.load(directory, NEVER, some))
                .isInstanceOf(IllegalArgumentException.class);

        load(NEVER, backend).close();
    }

    @Test
    void close_whenOneExpertFails_savesTheOthersAndGoesOn() {
        ExpertBackend broken = backends.ffn(OptimizerConfig.sgd());
        ExpertBackend sound = backends.ffn(OptimizerConfig.sgd());
        Map<String, ExpertBackend> both = new LinkedHashMap<>(Map.of("ffn.1", broken));
        both.put("ffn.2", sound);
        ExpertCheckpoints checkpoints = ExpertCheckpoints.load(directory, NEVER, both);
        train(broken, 1);
        train(sound, 1);
        broken.close();

        checkpoints.close();

        assertThat(ExpertServer.checkpointed(directory)).containsExactly(new ExpertUid("ffn.2"));
    }
}
