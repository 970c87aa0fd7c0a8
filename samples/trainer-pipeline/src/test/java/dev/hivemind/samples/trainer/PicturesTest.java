package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.events.CollectedEvent;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.Disposable;

class PicturesTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final List<String> CELLS = IntStream.range(0, 16)
            .mapToObj(cell -> "ffn.%d.%d".formatted(cell / 4, cell % 4))
            .toList();

    @TempDir
    private Path directory;

    private FashionMnist few;
    private Experts experts;

    @BeforeEach
    void start(@TempDir Path pictures) {
        few = FewPictures.in(pictures);
        experts = new Experts(64, OptimizerConfig.adam(2e-3), CELLS);
    }

    @AfterEach
    void close() {
        experts.close();
        few.close();
    }

    private PicturesOptions epochs(int epochs) {
        return PicturesOptions.of(experts.address(), epochs);
    }

    @Test
    void train_onAFewPictures_recognisesFarMoreThanAGuess() {
        Evaluation evaluation = new Pictures(few, epochs(2)).train();

        assertThat(evaluation.rows()).isEqualTo(FewPictures.TEST);
        assertThat(evaluation.accuracy().orElse(0)).isGreaterThan(0.4);
    }

    @Test
    void train_inTheDirectoryOfARun_goesOnAfterItsLastCheckpointOrIsRefused() {
        new Pictures(few, epochs(1).in(directory, false)).train();
        assertThatThrownBy(() -> new Pictures(few, epochs(2).in(directory, false)).train())
                .isInstanceOf(CheckpointException.class);
        new Pictures(few, epochs(2).in(directory, true)).train();

        TrainerState state = new RunRecorder(directory).latest().state();
        assertThat(state.step()).isEqualTo(50);
        assertThat(state.nextBatch()).isEqualTo(50);
    }

    @Test
    void train_whereNobodyHostsExperts_waitsAndFails() {
        PeerNode node =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode dht = DhtNode.builder(node).build();
        node.start().then(dht.start()).block(TIMEOUT);
        try {
            var impatient = PicturesOptions.parse(node.addresses().get(0).toString(), "1", "--wait", "1");

            assertThatThrownBy(() -> new Pictures(few, impatient).train())
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("waited 1 s for experts in vain");
        } finally {
            dht.close().then(node.close()).block(TIMEOUT);
        }
    }

    @Test
    void train_reportingToACollector_tellsOfStepsAndOfTheUseOfExperts() {
        PeerNode collector =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        collector.start().block(TIMEOUT);
        List<EventMessage> told = new CopyOnWriteArrayList<>();
        Disposable collecting =
                EventFeed.collect(collector).map(CollectedEvent::event).subscribe(told::add);
        try {
            PicturesOptions reporting =
                    epochs(2).reportingTo(collector.addresses().get(0));
            new Pictures(few, reporting).train();
        } finally {
            collecting.dispose();
            collector.close().block(TIMEOUT);
        }

        assertThat(told).anySatisfy(event -> {
            assertThat(event.getTraining().getRun()).isEqualTo("pictures");
            assertThat(event.getTraining().getAccuracy()).isPositive();
        });
        assertThat(told.stream().flatMap(event -> event.getMixture().getCallsList().stream()))
                .isNotEmpty()
                .extracting(MixtureCallMessage::getUid)
                .isSubsetOf(CELLS);
    }
}
