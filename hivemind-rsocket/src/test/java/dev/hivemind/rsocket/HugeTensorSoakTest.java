package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.BufferCensus;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Mono;

/** A tensor of 1 GiB, from a file to the peer and back. */
@Tag("soak")
class HugeTensorSoakTest {

    private static final Duration TIMEOUT = Duration.ofMinutes(5);
    private static final long BYTES = 1L << 30;
    private static final long MIB = 1L << 20;

    private final PeerNode dialler = node(false);
    private final PeerNode listener = node(true);

    private static PeerNode node(boolean listens) {
        var builder = PeerNode.builder().inboundBudget(3 * BYTES);
        return listens ? builder.listen(new PeerAddress("127.0.0.1", 0)).build() : builder.build();
    }

    @AfterEach
    void close() {
        dialler.close().then(listener.close()).block(TIMEOUT);
    }

    @Test
    void request_withATensorOfAGibibyte_isAnsweredInBoundedMemory(@TempDir Path folder) throws Exception {
        ByteBuf tensor = Unpooled.wrappedBuffer(numbers(folder.resolve("tensor")));
        listener.handle(
                Operation.EXPERT_FORWARD,
                (caller, request) -> Mono.fromSupplier(() ->
                        new Reply(request.header().tensors(), request.body().retain())));
        listener.start().block(TIMEOUT);

        PeerConnection connection = dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
        try (BufferCensus census = BufferCensus.open()) {
            Reply reply = Mono.using(() -> request(tensor), connection::request, Request::release)
                    .block(TIMEOUT);

            assertThat(reply.body()).isEqualTo(tensor);
            reply.release();
            // One copy where it arrives, and one more where the answer does.
            assertThat(census.mostBytes()).isBetween(2 * BYTES, 2 * BYTES + 24 * MIB);
        }
    }

    private static Request request(ByteBuf tensor) {
        TensorDescriptor descriptor = TensorDescriptor.of(ElementType.UINT8, BYTES);
        return Request.ofTensors(
                        Operation.EXPERT_FORWARD,
                        "x",
                        TIMEOUT,
                        List.of(new TensorFrame(descriptor, tensor.retainedSlice())))
                .expectingReplyOf(BYTES);
    }

    private static MappedByteBuffer numbers(Path file) throws IOException {
        try (FileChannel channel =
                FileChannel.open(Files.createFile(file), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES);
            for (int at = 0; at < BYTES; at += Long.BYTES) {
                mapped.putLong(at, at * 0x9E3779B97F4A7C15L);
            }
            return mapped;
        }
    }
}
