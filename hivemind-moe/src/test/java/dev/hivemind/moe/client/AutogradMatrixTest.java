package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.PairExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Models of every shape that a tape promises, with remote experts and in one local graph. Experts are frozen, so that both
 * see the same weights.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AutogradMatrixTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 4;
    private static final double TOLERANCE = 1e-5;

    /**
     * Where gradients of several paths meet, the tape takes each down to the leaves and adds them there, while one graph
     * adds them where they meet. Halves have eleven bits: one more or less is rounded before the last is.
     */
    private static final double TWO_ROUNDINGS_OF_HALVES = 0x1p-10;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();

    @BeforeAll
    void host() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.frozen());
        swarm.hostOne("pair.0", pairDefinition(DataType.FLOAT32), OptimizerConfig.frozen());
        for (int index = 0; index < 2; index++) {
            swarm.hostOne("half." + index, definition(DataType.FLOAT16, index), OptimizerConfig.frozen());
        }
        swarm.hostOne("halfpair.0", pairDefinition(DataType.FLOAT16), OptimizerConfig.frozen());
    }

    @AfterAll
    void close() {
        swarm.close();
    }

    private static ExpertDefinition definition(DataType type, int index) {
        return type == DataType.FLOAT16 ? HalfExpert.single(index, WIDTH) : Swarm.ffn(WIDTH, index);
    }

    private static ExpertDefinition pairDefinition(DataType type) {
        return type == DataType.FLOAT16 ? HalfExpert.pair(WIDTH) : new PairExpert().create(new ExpertOptions(WIDTH, 1));
    }

    /** The experts of a model, wherever they are. */
    interface Experts {

        NDArray ffn(int index, NDArray input);

        NDList pair(NDArray a, NDArray b);
    }

    /** What a model is made of: leaves of its own, and an expression that ends in a loss. */
    enum Model {
        IN_SERIES(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = experts.ffn(0, leaves.x.dot(leaves.before).tanh());
                return experts.ffn(1, hidden.tanh()).dot(leaves.after);
            }
        },
        BRANCHES(true) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before).tanh();
                NDArray sum = experts.ffn(0, hidden).add(experts.ffn(1, hidden)).add(hidden);
                return sum.dot(leaves.after);
            }
        },
        ONE_EXPERT_TWICE(true) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before).tanh();
                return experts.ffn(0, experts.ffn(0, hidden))
                        .add(experts.ffn(0, hidden.neg()))
                        .dot(leaves.after);
            }
        },
        SEVERAL_INPUTS_AND_OUTPUTS(true) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before);
                NDList both = experts.pair(hidden.tanh(), hidden.square());
                return both.get(0).dot(leaves.after).sum(new int[] {1}).add(both.get(1));
            }
        },
        ONE_OF_SEVERAL_OUTPUTS(true) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before);
                return experts.pair(hidden.tanh(), hidden).get(1);
            }
        },
        ONE_ARRAY_FOR_BOTH_INPUTS(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before);
                return experts.pair(hidden, hidden).get(0).dot(leaves.after);
            }
        },
        DETACHED_INPUT(true) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before);
                NDArray remote =
                        experts.pair(hidden.tanh(), hidden.stopGradient()).get(0);
                return remote.add(hidden).dot(leaves.after);
            }
        },
        FROZEN_PARAMETER(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before.stopGradient());
                return experts.ffn(0, hidden).dot(leaves.after);
            }
        },
        REMOTE_FIRST(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                return experts.ffn(0, leaves.x).dot(leaves.after);
            }
        },
        REMOTE_ONLY(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                return experts.ffn(1, experts.ffn(0, leaves.x));
            }
        },
        WITHOUT_EFFECT_ON_THE_LOSS(false) {
            @Override
            NDArray loss(Leaves leaves, Experts experts) {
                NDArray hidden = leaves.x.dot(leaves.before);
                experts.ffn(1, hidden);
                return experts.ffn(0, hidden).dot(leaves.after);
            }
        };

        private final boolean gradientsMeet;

        Model(boolean gradientsMeet) {
            this.gradientsMeet = gradientsMeet;
        }

        abstract NDArray loss(Leaves leaves, Experts experts);
    }

    /** Leaves of a model. */
    record Leaves(NDArray x, NDArray before, NDArray after) {

        Map<String, NDArray> byName() {
            Map<String, NDArray> all = new LinkedHashMap<>();
            all.put("x", x);
            all.put("before", before);
            all.put("after", after);
            return all;
        }
    }

    private Leaves leaves(NDManager manager, DataType type) {
        return new Leaves(
                random(manager, type, 1, ROWS, WIDTH),
                random(manager, type, 2, WIDTH, WIDTH),
                random(manager, type, 3, WIDTH, 1));
    }

    private static NDArray random(NDManager manager, DataType type, long seed, long... shape) {
        var random = new SplittableRandom(seed);
        float[] values = new float[Math.toIntExact(new Shape(shape).size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        NDArray array = manager.create(values, new Shape(shape)).toType(type, true);
        array.setRequiresGradient(true);
        return array;
    }

    private static Map<String, float[]> results(Leaves leaves, NDArray loss) {
        Map<String, float[]> results = new LinkedHashMap<>();
        results.put("loss", floats(loss));
        leaves.byName().forEach((name, leaf) -> results.put(name, floats(leaf.getGradient())));
        return results;
    }

    private static float[] floats(NDArray array) {
        return array.toType(DataType.FLOAT32, true).toFloatArray();
    }

    private Map<String, float[]> locally(Model model, DataType type) {
        return locally(model, type, leaves(arrays.manager(), type));
    }

    /** What a model of halves would give without rounding; the experts of halves take numbers of any type. */
    private Map<String, float[]> withoutRounding(Model model) {
        Leaves halves = leaves(arrays.manager(), DataType.FLOAT16);
        return locally(
                model,
                DataType.FLOAT16,
                new Leaves(widened(halves.x()), widened(halves.before()), widened(halves.after())));
    }

    private static NDArray widened(NDArray half) {
        NDArray wide = half.stopGradient().toType(DataType.FLOAT32, true);
        wide.setRequiresGradient(true);
        return wide;
    }

    private Map<String, float[]> locally(Model model, DataType type, Leaves leaves) {
        TensorOps.setGradMode(true);
        try {
            NDManager manager = arrays.manager();
            NDArray loss = model.loss(leaves, new LocalExperts(manager, type)).sum();
            TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
            return results(leaves, loss);
        } finally {
            TensorOps.setGradMode(false);
        }
    }

    private Map<String, float[]> onATape(Model model, DataType type) {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            Leaves leaves = leaves(tape.manager(), type);
            NDArray loss = model.loss(leaves, new TapeExperts(tape, type)).sum();
            tape.backward(loss);
            return results(leaves, loss);
        }
    }

    private static Stream<Arguments> models() {
        List<Arguments> all = new ArrayList<>();
        for (Model model : Model.values()) {
            all.add(Arguments.of(model, DataType.FLOAT32));
            all.add(Arguments.of(model, DataType.FLOAT16));
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("models")
    void backward_onATape_givesTheGradientsOfTheLocalModel(Model model, DataType type) {
        assertSame(onATape(model, type), locally(model, type), tolerance(model, type));
    }

    private static double tolerance(Model model, DataType type) {
        return type == DataType.FLOAT16 && model.gradientsMeet ? TWO_ROUNDINGS_OF_HALVES : TOLERANCE;
    }

    @ParameterizedTest
    @EnumSource(Model.class)
    void backward_ofHalves_isAsNearToTheTruthAsTheLocalModel(Model model) {
        Map<String, float[]> truth = withoutRounding(model);
        Map<String, float[]> local = locally(model, DataType.FLOAT16);
        Map<String, float[]> remote = onATape(model, DataType.FLOAT16);

        truth.forEach((name, values) -> assertThat(distance(remote.get(name), values))
                .as(name)
                .isLessThanOrEqualTo(1.5 * distance(local.get(name), values)));
    }

    private static void assertSame(Map<String, float[]> actual, Map<String, float[]> expected, double tolerance) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, values) ->
                assertThat(distance(actual.get(name), values)).as(name).isLessThanOrEqualTo(tolerance));
    }

    /** Length of the difference, as a part of the length of what was expected. */
    private static double distance(float[] actual, float[] expected) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow(actual[i] - expected[i], 2);
            length += Math.pow(expected[i], 2);
        }
        return difference == 0 ? 0 : Math.sqrt(difference / length);
    }

    /** The experts that the servers host, in the local graph. */
    private static final class LocalExperts implements Experts {

        private final ParameterStore store;
        private final List<Block> single = new ArrayList<>();
        private final Block pair;

        LocalExperts(NDManager manager, DataType type) {
            store = new ParameterStore(manager, false);
            for (int index = 0; index < 2; index++) {
                single.add(initialized(manager, definition(type, index).block(), new Shape(1, WIDTH)));
            }
            pair = initialized(manager, pairDefinition(type).block(), new Shape(1, WIDTH), new Shape(1, WIDTH));
        }

        private static Block initialized(NDManager manager, Block block, Shape... inputs) {
            block.initialize(manager, DataType.FLOAT32, inputs);
            block.getParameters().forEach(entry -> entry.getValue().getArray().setRequiresGradient(false));
            return block;
        }

        @Override
        public NDArray ffn(int index, NDArray input) {
            return single.get(index).forward(store, new NDList(input), true).singletonOrThrow();
        }

        @Override
        public NDList pair(NDArray a, NDArray b) {
            return pair.forward(store, new NDList(a, b), true);
        }
    }

    private final class TapeExperts implements Experts {

        private final RemoteTape tape;
        private final boolean half;

        TapeExperts(RemoteTape tape, DataType type) {
            this.tape = tape;
            this.half = type == DataType.FLOAT16;
        }

        @Override
        public NDArray ffn(int index, NDArray input) {
            return tape.forward(expert((half ? "half." : "ffn.") + index), input);
        }

        @Override
        public NDList pair(NDArray a, NDArray b) {
            return tape.forward(expert(half ? "halfpair.0" : "pair.0"), new NDList(a, b));
        }

        private RemoteExpert expert(String uid) {
            return swarm.client().expert(new ExpertUid(uid)).block(Swarm.TIMEOUT);
        }
    }
}
