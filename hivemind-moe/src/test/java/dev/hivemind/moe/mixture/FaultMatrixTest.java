package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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

/** Of eight servers some fail in some way while a mixture is trained through them: it learns on, and nothing is left. */
class FaultMatrixTest {

    private static final int ROWS = 32;
    private static final int STEPS = 20;
    private static final int LEAST_STEPS_BEFORE = 2;
    private static final Duration STEP_TIMEOUT = Duration.ofSeconds(1);
    private static final Duration PAUSE = Duration.ofMillis(50);
    private static final Duration EXACT_TIMEOUT = Duration.ofSeconds(3);

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    /** What happens to a server. */
    enum Fault {
        DIES {
            @Override
            Disposable strike(FaultySwarm.Host host) {
                host.kill();
                return Disposables.disposed();
            }
        },
        STALLS {
            @Override
            Disposable strike(FaultySwarm.Host host) {
                host.proxy.blackHole();
                return Disposables.disposed();
            }
        },
        ANSWERS_LATE {
            @Override
            Disposable strike(FaultySwarm.Host host) {
                host.proxy.toClient().delay(Duration.ofSeconds(5));
                return Disposables.disposed();
            }
        },
        CUTS_TENSORS {
            @Override
            Disposable strike(FaultySwarm.Host host) {
                host.proxy.toClient().throttle(4_000);
                return Flux.interval(Duration.ofMillis(150)).subscribe(tick -> host.proxy.cut());
            }
        },
        ANSWERS_NAN(FaultySwarm.Manner.NOT_FINITE),
        ANSWERS_FEWER_ROWS(FaultySwarm.Manner.ONE_ROW_SHORT),
        ANSWERS_OTHER_SHAPES(FaultySwarm.Manner.OF_ANOTHER_WIDTH);

        final FaultySwarm.Manner manner;

        Fault() {
            this(FaultySwarm.Manner.HONEST);
        }

        Fault(FaultySwarm.Manner manner) {
            this.manner = manner;
        }

        /** Until the result is disposed, or for good. */
        Disposable strike(FaultySwarm.Host host) {
            return Disposables.disposed();
        }
    }

    static Stream<Arguments> matrix() {
        return Stream.of(Fault.values())
                .flatMap(fault -> Stream.of(1, 2, 4).map(servers -> Arguments.of(fault, servers)));
    }

    private static RemoteMixtureOfExperts mixture(FaultySwarm swarm, ManagedArrays arrays, Duration timeout) {
        return RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid(FaultySwarm.GRID)
                .inFeatures(TinyPictures.PIXELS)
                .kBest(4)
                .policy(MixturePolicy.DEFAULT.withTimeouts(timeout, timeout))
                .build();
    }

    private TinyModel model(RemoteMixtureOfExperts mixture) {
        return new TinyModel(
                arrays.manager(),
                1,
                (tape, pixels, training) -> new NDList(mixture.forward(tape, pixels)),
                mixture.parameters());
    }

    /** A step that fails for want of experts is taken again, as a trainer would. */
    private static float persistently(TinyModel model, TinyPictures pictures) {
        while (true) {
            try {
                return model.step(pictures, ROWS);
            } catch (RpcTransientException e) {
                Mono.delay(PAUSE).block();
            }
        }
    }

    private static double average(List<Float> numbers) {
        return numbers.stream().mapToDouble(Float::doubleValue).average().orElseThrow();
    }

    @ParameterizedTest
    @MethodSource("matrix")
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void training_whileServersFail_goesOnAndLearns(Fault fault, int servers) {
        int managers = TensorOps.openManagers();
        List<Disposable> strikes = new ArrayList<>();
        try (var swarm = new FaultySwarm(fault.manner, servers)) {
            RemoteMixtureOfExperts mixture = mixture(swarm, arrays, STEP_TIMEOUT);
            TinyModel model = model(mixture);
            var pictures = new TinyPictures(2);
            List<Float> losses = new ArrayList<>();
            while (losses.size() < STEPS) {
                losses.add(persistently(model, pictures));
                if (losses.size() == LEAST_STEPS_BEFORE) {
                    swarm.first(servers).forEach(host -> strikes.add(fault.strike(host)));
                }
            }

            assertThat(losses).doesNotContain(Float.NaN);
            assertThat(average(losses.subList(STEPS - 5, STEPS))).isLessThan(average(losses.subList(0, 5)));
            assertThat(mixture.statistics().failedCalls()).isPositive();
        } finally {
            strikes.forEach(Disposable::dispose);
        }
        assertThat(TensorOps.openManagers()).isEqualTo(managers);
    }

    @Tag("soak")
    @ParameterizedTest
    @MethodSource("matrix")
    void steps_whileServersFail_endWithinTheirTime(Fault fault, int servers) {
        List<Disposable> strikes = new ArrayList<>();
        try (var swarm = new FaultySwarm(fault.manner, servers)) {
            TinyModel model = model(mixture(swarm, arrays, EXACT_TIMEOUT));
            var pictures = new TinyPictures(2);
            for (int step = 0; step < STEPS; step++) {
                long begun = System.nanoTime();
                persistently(model, pictures);
                Duration taken = Duration.ofNanos(System.nanoTime() - begun);
                if (step == LEAST_STEPS_BEFORE) {
                    swarm.first(servers).forEach(host -> strikes.add(fault.strike(host)));
                }
                assertThat(taken)
                        .isLessThan(
                                EXACT_TIMEOUT.multipliedBy(2).multipliedBy(6).dividedBy(5));
            }
        } finally {
            strikes.forEach(Disposable::dispose);
        }
    }
}
