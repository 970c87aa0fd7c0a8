package dev.hivemind.rsocket.identity;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class PeerIdentityTest {

    private static final byte[] MESSAGE = "message".getBytes(StandardCharsets.UTF_8);

    /** Test 1 of RFC 8032, section 7.1. */
    @Test
    void sign_ofTheRfcsFirstVector_givesItsSignature() {
        var identity = PeerIdentity.fromSeed(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));

        assertThat(identity.publicKey())
                .isEqualTo(hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
        assertThat(identity.sign(new byte[0]))
                .isEqualTo(hex(
                        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                                + "d25bf5f0595bbe24655141438e7a100b"));
    }

    @Test
    void id_isTheSha256OfThePublicKey() {
        var identity = PeerIdentity.fromSeed(new byte[32]);

        assertThat(identity.id()).isEqualTo(PeerId.ofPublicKey(identity.publicKey()));
        assertThat(PeerId.fromHex(identity.id().toString())).isEqualTo(identity.id());
    }

    @Test
    void verify_ofAnotherMessage_isFalse() {
        var identity = PeerIdentity.generate();

        assertThat(PeerIdentity.verify(identity.publicKey(), MESSAGE, identity.sign(new byte[] {1})))
                .isFalse();
    }

    @Test
    void verify_withAnotherKey_isFalse() {
        byte[] signature = PeerIdentity.generate().sign(MESSAGE);

        assertThat(PeerIdentity.verify(PeerIdentity.generate().publicKey(), MESSAGE, signature))
                .isFalse();
    }

    @Test
    void verify_withMalformedKeysOrSignatures_isFalse() {
        var identity = PeerIdentity.generate();
        byte[] signature = identity.sign(MESSAGE);

        assertThat(PeerIdentity.verify(new byte[31], MESSAGE, signature)).isFalse();
        assertThat(PeerIdentity.verify(identity.publicKey(), MESSAGE, new byte[0]))
                .isFalse();
        assertThat(PeerIdentity.verify(filled((byte) 0xff), MESSAGE, signature)).isFalse();
    }

    private static byte[] filled(byte value) {
        byte[] bytes = new byte[32];
        java.util.Arrays.fill(bytes, value);
        return bytes;
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }
}
