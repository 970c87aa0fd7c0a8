package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.mixture.FaultySwarm.Manner;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.RpcTransientException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.testkit.FaultProxy;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Of eight servers some fail in some way while a layer is trained through them: it learns on, and nothing is left. What
 * is lost of buffers is found at the end of the class, as for every other.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FaultMatrixTest {

    private static final int ROWS = 32;
    private static final int STEPS = 16;
    private static final int LEAST_STEPS_BEFORE = 2;
    private static final Duration TIMEOUT = Duration.ofSeconds(1);
    private static final Duration PAUSE = Duration.ofMillis(50);

    /** Of a pass, in the runs that look at the time. */
    private static final Duration EXACT_TIMEOUT = Duration.ofSeconds(3);

    private static final Duration LATEST_END = EXACT_TIMEOUT.multipliedBy(6).dividedBy(5);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final EventFeed feed = new EventFeed(Clock.systemUTC());

    /** How long each step took, forward and back, those that failed among them. */
    private final List<Duration> steps = new ArrayList<>();

    /** What happens to some servers. */
    enum Fault {
        DIE(Manner.IN_A_PROCESS_OF_ITS_OWN) {
            @Override
            Disposable strike(FaultySwarm swarm, int servers) {
                swarm.kill();
                return Disposables.disposed();
            }
        },
        STALL {
            @Override
            Disposable strike(FaultySwarm swarm, int servers) {
                first(swarm, servers).forEach(FaultProxy::blackHole);
                return Disposables.disposed();
            }
        },
        ANSWER_LATE {
            @Override
            Disposable strike(FaultySwarm swarm, int servers) {
                first(swarm, servers).forEach(proxy -> proxy.toClient().delay(Duration.ofSeconds(5)));
                return Disposables.disposed();
            }
        },
        CUT_TENSORS {
            @Override
            Disposable strike(FaultySwarm swarm, int servers) {
                return cutTensors(first(swarm, servers));
            }
        },
        ANSWER_NAN(Manner.NOT_FINITE),
        ANSWER_FEWER_ROWS(Manner.ONE_ROW_SHORT),
        ANSWER_OTHER_SHAPES(Manner.OF_ANOTHER_WIDTH),

        /** Of four servers one dies, one stalls, one cuts tensors off, and one answers with NaN. */
        SUFFER_EACH_ITS_OWN {
            @Override
            List<Manner> manners(int servers) {
                return List.of(Manner.IN_A_PROCESS_OF_ITS_OWN, Manner.HONEST, Manner.HONEST, Manner.NOT_FINITE);
            }

            @Override
            Disposable strike(FaultySwarm swarm, int servers) {
                List<FaultProxy> proxies = first(swarm, 2);
                swarm.kill();
                proxies.get(0).blackHole();
                return cutTensors(proxies.subList(1, 2));
            }
        };

        private final Manner manner;

        Fault() {
            this(Manner.HONEST);
        }

        Fault(Manner manner) {
            this.manner = manner;
        }

        /** Of the servers that fail. */
        List<Manner> manners(int servers) {
            return Collections.nCopies(servers, manner);
        }

        /** Until the result is disposed, or for good. */
        Disposable strike(FaultySwarm swarm, int servers) {
            return Disposables.disposed();
        }

        private static List<FaultProxy> first(FaultySwarm swarm, int servers) {
            return swarm.hosts().stream().limit(servers).map(host -> host.proxy).toList();
        }

        private static Disposable cutTensors(List<FaultProxy> proxies) {
            proxies.forEach(proxy -> proxy.toClient().throttle(4_000));
            return Flux.interval(Duration.ofMillis(150)).subscribe(tick -> proxies.forEach(FaultProxy::cut));
        }
    }

    /** What is trained. */
    enum Kind {
        MIXTURE,
        /** Waits only a little for more answers than it needs. */
        HURRIED_MIXTURE,
        SWITCH
    }

    /** Every fault of one, two and four servers; the other layers suffer them all at once. */
    static Stream<Arguments> matrix() {
        return Stream.concat(
                single(Kind.MIXTURE),
                Stream.of(Kind.HURRIED_MIXTURE, Kind.SWITCH).map(FaultMatrixTest::combined));
    }

    static Stream<Arguments> wholeMatrix() {
        return Stream.of(Kind.values()).flatMap(kind -> Stream.concat(single(kind), Stream.of(combined(kind))));
    }

    private static Arguments combined(Kind kind) {
        return Arguments.of(kind, Fault.SUFFER_EACH_ITS_OWN, 4);
    }

    private static Stream<Arguments> single(Kind kind) {
        return Stream.of(Fault.values())
                .filter(fault -> fault != Fault.SUFFER_EACH_ITS_OWN)
                .flatMap(fault -> Stream.of(1, 2, 4).map(servers -> Arguments.of(kind, fault, servers)));
    }

    private TinyModel model(Kind kind, FaultySwarm swarm, Duration timeout) {
        return kind == Kind.SWITCH ? switching(swarm, timeout) : mixture(kind, swarm, timeout);
    }

    private TinyModel mixture(Kind kind, FaultySwarm swarm, Duration timeout) {
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid(FaultySwarm.GRID)
                .inFeatures(TinyPictures.PIXELS)
                .kBest(4)
                .policy(MixturePolicy.DEFAULT
                        .withTimeouts(timeout, timeout)
                        .withTimeoutAfterKMin(kind == Kind.HURRIED_MIXTURE ? timeout.dividedBy(4) : null))
                .events(feed)
                .build();
        return new TinyModel(
                arrays.manager(),
                1,
                (tape, pixels, training) -> new NDList(mixture.forward(tape, pixels)),
                mixture.parameters());
    }

    private TinyModel switching(FaultySwarm swarm, Duration timeout) {
        var mixture = RemoteSwitchMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid(FaultySwarm.GRID)
                .inFeatures(TinyPictures.PIXELS)
                .policy(MixturePolicy.LENIENT.withTimeouts(timeout, timeout))
                .events(feed)
                .build();
        return new TinyModel(
                arrays.manager(),
                1,
                (tape, pixels, training) -> {
                    var output = mixture.forward(tape, pixels, training);
                    return new NDList(output.output(), output.balancingLoss());
                },
                mixture.parameters());
    }

    /** The losses; some way in, the fault strikes. */
    private List<Float> train(Kind kind, Fault fault, int servers, Duration timeout) {
        List<Float> losses = new ArrayList<>();
        Disposable strike = Disposables.disposed();
        try (var swarm = new FaultySwarm(fault.manners(servers))) {
            TinyModel model = model(kind, swarm, timeout);
            var pictures = new TinyPictures(2);
            while (losses.size() < STEPS) {
                losses.add(persistently(model, pictures));
                if (losses.size() == LEAST_STEPS_BEFORE) {
                    strike = fault.strike(swarm, servers);
                }
            }
        } finally {
            strike.dispose();
        }
        return losses;
    }

    /** A step that fails for want of experts is taken again, as a trainer would. */
    private float persistently(TinyModel model, TinyPictures pictures) {
        while (true) {
            try {
                return timed(model, pictures);
            } catch (RpcTransientException e) {
                Mono.delay(PAUSE).block();
            }
        }
    }

    private float timed(TinyModel model, TinyPictures pictures) {
        long begun = System.nanoTime();
        try {
            return model.step(pictures, ROWS);
        } finally {
            steps.add(Duration.ofNanos(System.nanoTime() - begun));
        }
    }

    private static double average(List<Float> numbers) {
        return numbers.stream().mapToDouble(Float::doubleValue).average().orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("matrix")
    void training_whileServersFail_goesOnAndLearns(Kind kind, Fault fault, int servers) {
        int managers = TensorOps.openManagers();
        List<Integer> missing = new CopyOnWriteArrayList<>();
        Disposable watch = feed.events()
                .map(event ->
                        event.getMixture().getChosen() - event.getMixture().getAnswered())
                .subscribe(missing::add);

        List<Float> losses = train(kind, fault, servers, TIMEOUT);

        watch.dispose();
        assertThat(losses).doesNotContain(Float.NaN);
        assertThat(average(losses.subList(STEPS - 5, STEPS))).isLessThan(average(losses.subList(0, 5)));
        assertThat(missing).anyMatch(count -> count > 0);
        assertThat(TensorOps.openManagers()).isEqualTo(managers);
    }

    @Tag("soak")
    @ParameterizedTest
    @MethodSource("wholeMatrix")
    void passes_whileServersFail_endWithinTheirTime(Kind kind, Fault fault, int servers) {
        List<Duration> passes = new CopyOnWriteArrayList<>();
        Disposable watch = feed.events()
                .map(event -> Duration.ofNanos(1_000 * event.getMixture().getMicros()))
                .subscribe(passes::add);

        List<Float> losses = train(kind, fault, servers, EXACT_TIMEOUT);

        watch.dispose();
        assertThat(average(losses.subList(STEPS - 5, STEPS))).isLessThan(average(losses.subList(0, 5)));
        assertThat(passes).hasSizeGreaterThanOrEqualTo(2 * STEPS).allMatch(time -> time.compareTo(LATEST_END) <= 0);
        assertThat(steps).allMatch(time -> time.compareTo(LATEST_END.multipliedBy(2)) <= 0);
    }
}
