package dev.hivemind.dht.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.hivemind.rsocket.identity.PeerIdentity;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NodeIdTest {

    private final Random random = new Random(7);

    private static NodeId random(Random random) {
        return new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    }

    /** An id that shares a prefix of random length with another. */
    private NodeId near(NodeId id) {
        BigInteger noise = new BigInteger(random.nextInt(NodeId.BITS + 1), random);
        byte[] bytes = number(id).xor(noise).toByteArray();
        byte[] padded = new byte[NodeId.BYTES];
        int length = Math.min(bytes.length, NodeId.BYTES);
        System.arraycopy(bytes, bytes.length - length, padded, NodeId.BYTES - length, length);
        return NodeId.fromBytes(padded);
    }

    private static BigInteger number(NodeId id) {
        return new BigInteger(1, id.toBytes());
    }

    @Test
    void toBytes_thenFromBytes_givesTheSameId() {
        for (int i = 0; i < 1_000; i++) {
            NodeId id = random(random);

            assertThat(NodeId.fromBytes(id.toBytes())).isEqualTo(id);
        }
    }

    @Test
    void fromBytes_ofAnotherLength_isRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> NodeId.fromBytes(new byte[31]));
    }

    @Test
    void of_aPeer_isItsPeerId() {
        var peer = PeerIdentity.generate().id();

        assertThat(NodeId.of(peer).toBytes()).isEqualTo(peer.toBytes());
    }

    @Test
    void ofKey_isTheSha256() {
        assertThat(NodeId.ofKey("abc".getBytes(StandardCharsets.UTF_8)))
                .hasToString("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    @Test
    void distance_toItself_isZero() {
        NodeId id = random(random);

        assertThat(id.distance(id)).isEqualTo(NodeId.ZERO);
    }

    @Test
    void commonPrefixLength_equalsBruteForce() {
        for (int i = 0; i < 10_000; i++) {
            NodeId left = random(random);
            NodeId right = near(left);

            int expected = NodeId.BITS - number(left).xor(number(right)).bitLength();
            assertThat(left.commonPrefixLength(right)).isEqualTo(expected);
        }
    }

    @Test
    void compareDistance_equalsBruteForce() {
        for (int i = 0; i < 10_000; i++) {
            NodeId target = random(random);
            NodeId left = near(target);
            NodeId right = near(i % 2 == 0 ? left : target);

            int expected =
                    number(target).xor(number(left)).compareTo(number(target).xor(number(right)));
            assertThat(Integer.signum(target.compareDistance(left, right))).isEqualTo(expected);
        }
    }

    @Test
    void compareTo_ordersAsUnsignedNumbers() {
        for (int i = 0; i < 10_000; i++) {
            NodeId left = random(random);
            NodeId right = near(left);

            assertThat(Integer.signum(left.compareTo(right)))
                    .isEqualTo(number(left).compareTo(number(right)));
        }
    }

    @Test
    void withBit_setsThatBitAlone() {
        for (int bit = 0; bit < NodeId.BITS; bit++) {
            assertThat(number(NodeId.ZERO.withBit(bit))).isEqualTo(BigInteger.ONE.shiftLeft(NodeId.BITS - 1 - bit));
        }
    }
}
