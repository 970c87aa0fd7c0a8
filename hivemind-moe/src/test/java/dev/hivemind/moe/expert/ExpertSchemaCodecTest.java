package dev.hivemind.moe.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.proto.TensorSpecMessage;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.ElementType;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ExpertSchemaCodecTest {

    private static final ExpertSchema SCHEMA = new ExpertSchema(
            List.of(
                    TensorSpec.of("x", ElementType.FLOAT16, TensorSpec.BATCH, 7, 3),
                    TensorSpec.of("mask", ElementType.BOOL, TensorSpec.BATCH)),
            List.of(TensorSpec.of("y", ElementType.FLOAT64, TensorSpec.BATCH, 5)),
            123,
            true);

    private static final TensorSpecMessage TENSOR =
            ExpertSchemaCodec.toMessage(SCHEMA).getInputs(0);

    private static void assertRefused(ExpertSchemaMessage.Builder message) {
        assertThatThrownBy(() -> ExpertSchemaCodec.fromMessage(message.build()))
                .isInstanceOf(ProtocolViolationException.class);
    }

    private static ExpertSchemaMessage.Builder valid() {
        return ExpertSchemaCodec.toMessage(SCHEMA).toBuilder();
    }

    @Test
    void fromMessage_ofAMessage_isTheSameSchema() {
        assertThat(ExpertSchemaCodec.fromMessage(ExpertSchemaCodec.toMessage(SCHEMA)))
                .isEqualTo(SCHEMA);
    }

    @Test
    void fromMessage_ofNothing_isRefused() {
        assertRefused(ExpertSchemaMessage.newBuilder());
    }

    @Test
    void fromMessage_withoutBatchSize_isRefused() {
        assertRefused(valid().setMaxBatchSize(0));
    }

    @Test
    void fromMessage_withABatchSizeBeyondInt_isRefused() {
        assertRefused(valid().setMaxBatchSize(-1));
    }

    @Test
    void fromMessage_withAnUnknownElementType_isRefused() {
        assertRefused(valid().setInputs(0, TENSOR.toBuilder().setElementType(99)));
    }

    @Test
    void fromMessage_withANameOfControlCharacters_isRefused() {
        assertRefused(valid().setInputs(0, TENSOR.toBuilder().setName("x\u001b[2J")));
    }

    @Test
    void fromMessage_withANegativeDimension_isRefused() {
        assertRefused(valid().setInputs(0, TENSOR.toBuilder().setRowShape(0, -1)));
    }

    @Test
    void fromMessage_withDimensionsThatOverflow_isRefused() {
        assertRefused(
                valid().setInputs(0, TENSOR.toBuilder().setRowShape(0, 1L << 31).setRowShape(1, 1L << 33)));
    }

    @Test
    void fromMessage_withTooManyDimensions_isRefused() {
        assertRefused(valid().setInputs(0, TENSOR.toBuilder().addAllRowShape(Collections.nCopies(6, 1L))));
    }

    @Test
    void fromMessage_withTooManyTensors_isRefused() {
        assertRefused(valid().addAllInputs(Collections.nCopies(64, TENSOR)));
    }

    @Test
    void fromMessage_ofDamagedBytes_isASchemaOrARefusal() {
        byte[] bytes = ExpertSchemaCodec.toMessage(SCHEMA).toByteArray();
        var random = new Random(7);
        for (int i = 0; i < 2_000; i++) {
            byte[] damaged = bytes.clone();
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            try {
                assertThat(ExpertSchemaCodec.fromMessage(ExpertSchemaMessage.parseFrom(damaged)))
                        .isNotNull();
            } catch (InvalidProtocolBufferException | ProtocolViolationException refused) {
                assertThat(refused).hasMessageNotContaining("null");
            }
        }
    }
}
