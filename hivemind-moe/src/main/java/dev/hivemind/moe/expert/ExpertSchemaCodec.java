package dev.hivemind.moe.expert;

import com.google.protobuf.ByteString;
import dev.hivemind.moe.proto.ExpertSchemaMessage;
import dev.hivemind.moe.proto.TensorSpecMessage;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.stream.Stream;

/** {@link ExpertSchema} to the message that answers EXPERT_INFO, and back. Decoding checks every field. */
public final class ExpertSchemaCodec {

    private ExpertSchemaCodec() {}

    /** The schema as a message. */
    public static ExpertSchemaMessage toMessage(ExpertSchema schema) {
        return ExpertSchemaMessage.newBuilder()
                .addAllInputs(toMessages(schema.inputs()))
                .addAllOutputs(toMessages(schema.outputs()))
                .setMaxBatchSize(schema.maxBatchSize())
                .setTrainable(schema.trainable())
                .build();
    }

    /**
     * The schema of a message.
     *
     * @throws ProtocolViolationException if a field is missing or out of its bounds
     */
    public static ExpertSchema fromMessage(ExpertSchemaMessage message) {
        try {
            return new ExpertSchema(
                    fromMessages(message.getInputsList()),
                    fromMessages(message.getOutputsList()),
                    message.getMaxBatchSize(),
                    message.getTrainable());
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolationException("The expert's schema makes no sense: " + e.getMessage());
        }
    }

    /** SHA-256 of the inputs and outputs: equal for owners whose answers can stand for each other's. */
    public static ByteString hash(ExpertSchema schema) {
        byte[] tensors = toMessage(schema).toBuilder()
                .clearMaxBatchSize()
                .clearTrainable()
                .build()
                .toByteArray();
        try {
            return ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(tensors));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }

    private static List<TensorSpecMessage> toMessages(List<TensorSpec> tensors) {
        return tensors.stream().map(ExpertSchemaCodec::toMessage).toList();
    }

    private static TensorSpecMessage toMessage(TensorSpec tensor) {
        return TensorSpecMessage.newBuilder()
                .setName(tensor.name())
                .setElementType(tensor.elementType().wireId())
                .addAllRowShape(tensor.shape().subList(1, tensor.shape().size()))
                .build();
    }

    private static List<TensorSpec> fromMessages(List<TensorSpecMessage> messages) {
        if (messages.size() > TensorFrameCodec.MAX_TENSORS) {
            throw new ProtocolViolationException(
                    "A call carries at most %d tensors".formatted(TensorFrameCodec.MAX_TENSORS));
        }
        return messages.stream().map(ExpertSchemaCodec::fromMessage).toList();
    }

    private static TensorSpec fromMessage(TensorSpecMessage message) {
        if (message.getRowShapeCount() >= TensorDescriptor.MAX_RANK) {
            throw new ProtocolViolationException(
                    "A tensor has at most %d dimensions".formatted(TensorDescriptor.MAX_RANK));
        }
        return new TensorSpec(
                message.getName(),
                ElementType.ofWireId(message.getElementType()),
                Stream.concat(Stream.of(TensorSpec.BATCH), message.getRowShapeList().stream())
                        .toList());
    }
}
