package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.Shape;
import com.google.protobuf.ByteString;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.testkit.ManualClock;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A frozen expert that two peers host, of which one does not do its part; and another expert, which does. */
class SharedExpertTest {

    private static final int WIDTH = 8;
    private static final int STEPS = 6;

    /** Longer than the first. */
    private static final Duration BAN = Duration.ofSeconds(6);

    /** Enough for those who answer at once. */
    private static final Duration FAIR = Duration.ofSeconds(6);

    /** A sixth of it passes until a second owner is asked for its schema. */
    private static final Duration HURRIED = Duration.ofSeconds(15);

    /** Only a hang reaches it. */
    private static final Duration LONG = Duration.ofMinutes(10);

    private static final RequestHandler AWAY =
            (caller, request) -> Mono.error(new PeerUnavailableException("I am about to leave"));

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final ManualClock clock = new ManualClock();
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final Swarm swarm = new Swarm();
    private ScriptedExpert honest;
    private ScriptedExpert failing;

    @BeforeEach
    void host() {
        swarm.host(1, 1, WIDTH, OptimizerConfig.frozen());
        honest = ScriptedExpert.frozen(swarm, "ffn.0", WIDTH);
        failing = ScriptedExpert.frozen(swarm, "ffn.0", WIDTH);
    }

    @AfterEach
    void close() {
        swarm.close();
        honest.close();
        failing.close();
    }

    private RemoteMixtureOfExperts mixture(Duration timeout) {
        return RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid("ffn.[0:2]")
                .inFeatures(WIDTH)
                .kBest(2)
                .policy(MixturePolicy.DEFAULT.withTimeouts(timeout, timeout))
                .events(feed)
                .nanoClock(clock::nanoTime)
                .build();
    }

    private void step(RemoteMixtureOfExperts mixture) {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            mixture.forward(tape, arrays.manager().ones(new Shape(3, WIDTH)));
        }
    }

    /** On a machine that is very slow, an honest peer may be late as well. */
    private void tryStep(RemoteMixtureOfExperts mixture) {
        try {
            step(mixture);
        } catch (RpcException slow) {
            // Who was called is what counts.
        }
    }

    private Flux<MixtureCallMessage> calls() {
        return feed.events()
                .flatMapIterable(event -> event.getMixture().getCallsList())
                .filter(call -> call.getUid().equals("ffn.0"));
    }

    @Test
    void steps_takeTurnsAmongTheOwners() {
        Set<ByteString> named = ConcurrentHashMap.newKeySet();
        Disposable watch = calls().subscribe(call -> named.add(call.getPeerId()));
        RemoteMixtureOfExperts mixture = mixture(LONG);

        for (int step = 0; step < STEPS; step++) {
            step(mixture);
        }

        watch.dispose();
        assertThat(honest.forwards).hasValue(STEPS / 2);
        assertThat(failing.forwards).hasValue(STEPS / 2);
        assertThat(named).hasSize(2);
    }

    static List<RequestHandler> nonsense() {
        return List.of(ScriptedExpert.filledWith(Float.NaN), ScriptedExpert.misshapen(0, 1));
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void owner_thatAnswersNonsense_isLeftAloneWhileTheOtherIsCalled(RequestHandler nonsense) {
        failing.forward = nonsense;
        RemoteMixtureOfExperts mixture = mixture(LONG);
        untilTheFailingOneIsAsked(mixture);
        int calls = honest.forwards.get();

        for (int step = 0; step < STEPS; step++) {
            step(mixture);
        }

        assertThat(failing.forwards).hasValue(1);
        assertThat(honest.forwards).hasValue(calls + STEPS);
        assertThat(mixture.statistics().failedCalls()).isOne();
    }

    @Test
    void owner_thatWasLeftAlone_comesBack() {
        failing.forward = ScriptedExpert.filledWith(Float.NaN);
        RemoteMixtureOfExperts mixture = mixture(LONG);
        untilTheFailingOneIsAsked(mixture);
        failing.forward = ScriptedExpert.filledWith(1);

        clock.advance(BAN);
        untilTheFailingOneIsAsked(mixture);

        assertThat(mixture.statistics().failedCalls()).isOne();
    }

    @Test
    void owner_thatStalls_isLeftAloneWhileTheOtherIsCalled() {
        step(mixture(LONG));
        failing.forward = ScriptedExpert.silent();
        RemoteMixtureOfExperts mixture = mixture(FAIR);
        untilTheFailingOneIsAsked(mixture);
        int stalls = failing.forwards.get();
        int calls = honest.forwards.get();

        tryStep(mixture);

        assertThat(failing.forwards).hasValue(stalls);
        assertThat(honest.forwards).hasValueGreaterThan(calls);
    }

    /** The one that was declared last is asked first. */
    @Test
    void owner_thatIsAskedAfterADeadOne_isNotBlamedForItsSilence() {
        RequestHandler schema = honest.info;
        honest.info = (caller, request) -> Mono.error(new OverloadedException("Ask again", Duration.ofMillis(1)));
        failing.info = AWAY;
        RemoteMixtureOfExperts mixture = mixture(LONG);
        step(mixture);
        assertThat(mixture.statistics().failedCalls()).isOne();
        honest.info = schema;

        step(mixture);

        assertThat(honest.forwards).hasValue(1);
    }

    /** The one that was declared last is asked first. */
    @Test
    void owner_thatKeepsItsSchemaToItself_doesNotCostAHurriedMixtureTheExpert() {
        swarm.client(CallPolicy.DEFAULT.withForwardTimeout(LONG));
        failing.info = ScriptedExpert.silent();
        RemoteMixtureOfExperts mixture = mixture(HURRIED);

        step(mixture);

        assertThat(mixture.statistics().failedCalls()).isZero();
        assertThat(honest.forwards).hasValue(1);
    }

    /** It is asked first, because the latest failed before, and says that its expert learns. */
    @Test
    void owner_thatIsNotTheLatest_isNotBlamedForTheLatest() {
        honest.info = ScriptedExpert.schemaOf(WIDTH, WIDTH, true);
        failing.info = AWAY;
        RemoteExpert expert = swarm.client().expert(new ExpertUid("ffn.0")).block(Swarm.TIMEOUT);
        expert.info().onErrorComplete(PeerUnavailableException.class).block(Swarm.TIMEOUT);
        Set<ByteString> named = ConcurrentHashMap.newKeySet();
        Disposable watch = calls().subscribe(call -> named.add(call.getPeerId()));

        step(mixture(LONG));

        watch.dispose();
        assertThat(named).containsExactly(ByteString.copyFrom(failing.peerId().toBytes()));
    }

    /** It is asked last, because it failed before, and a little less than the whole time of the question is over then. */
    @Test
    void owner_thatIsTheLatestAndSilent_isBlamedInsteadOfTheOneThatAnswered() {
        swarm.client(CallPolicy.DEFAULT.withForwardTimeout(LONG));
        honest.info = ScriptedExpert.schemaOf(WIDTH, WIDTH, true);
        failing.info = AWAY;
        RemoteExpert expert = swarm.client().expert(new ExpertUid("ffn.0")).block(Swarm.TIMEOUT);
        expert.info().onErrorComplete(PeerUnavailableException.class).block(Swarm.TIMEOUT);
        failing.info = ScriptedExpert.silent();
        Set<ByteString> named = ConcurrentHashMap.newKeySet();
        Disposable watch = calls().subscribe(call -> named.add(call.getPeerId()));

        step(mixture(HURRIED));

        watch.dispose();
        assertThat(named).containsExactly(ByteString.copyFrom(failing.peerId().toBytes()));
    }

    /** Owners take turns. */
    private void untilTheFailingOneIsAsked(RemoteMixtureOfExperts mixture) {
        int before = failing.forwards.get();
        for (int step = 0; step < 2 && failing.forwards.get() == before; step++) {
            tryStep(mixture);
        }
        assertThat(failing.forwards).hasValueGreaterThan(before);
    }
}
