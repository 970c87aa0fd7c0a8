package dev.hivemind.rsocket;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.proto.FrameHeaderMessage;
import dev.hivemind.rsocket.proto.HelloMessage;
import dev.hivemind.rsocket.proto.HelloProofMessage;
import dev.hivemind.rsocket.proto.HelloReplyMessage;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A peer written from docs/PROTOCOL.md alone: frames by hand over a blocking socket, without any library's help. */
final class RawClient implements Closeable {

    static final int SETUP = 0x01;
    static final int KEEPALIVE = 0x03;
    static final int REQUEST_RESPONSE = 0x04;
    static final int REQUEST_FNF = 0x05;
    static final int REQUEST_STREAM = 0x06;
    static final int REQUEST_CHANNEL = 0x07;
    static final int REQUEST_N = 0x08;
    static final int PAYLOAD = 0x0a;
    static final int ERROR = 0x0b;

    static final int METADATA = 0x100;
    static final int FOLLOWS = 0x80;
    static final int COMPLETE = 0x40;
    static final int NEXT = 0x20;

    static final int HELLO_STREAM = 1;
    static final int PROOF_STREAM = 3;

    /** The first stream that calls take. */
    static final int FIRST_CALL = 5;

    private static final int CANCELED = 0x203;
    private static final int TYPE_SHIFT = 10;
    private static final int FLAGS = 0x3ff;
    private static final int HEADER_BYTES = 6;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final PeerIdentity identity = PeerIdentity.generate();
    private final Hello hello = Hello.of(identity, List.of());
    private final Socket socket;
    private final OutputStream output;
    private final DataInputStream input;
    private @Nullable Frame unread;

    private RawClient(Socket socket) throws IOException {
        this.socket = socket;
        this.output = socket.getOutputStream();
        this.input = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream()));
        socket.setSoTimeout((int) PATIENCE.toMillis());
        socket.setTcpNoDelay(true);
    }

    static RawClient connect(PeerAddress address) throws IOException {
        return new RawClient(new Socket(address.host(), address.port()));
    }

    /** A frame that arrived. */
    record Frame(int stream, int type, int flags, byte[] body) {

        /** The data of a payload, behind its metadata. */
        byte[] data() {
            int start = (flags & METADATA) == 0 ? 0 : 3 + (ByteBuffer.wrap(body).getInt() >>> 8);
            return java.util.Arrays.copyOfRange(body, start, body.length);
        }

        /** The name of the error in an ERROR frame; "canceled" for the one that RSocket itself sends. */
        String error() {
            if (ByteBuffer.wrap(body).getInt() == CANCELED) {
                return "canceled";
            }
            String text = new String(body, Integer.BYTES, body.length - Integer.BYTES, StandardCharsets.UTF_8);
            return text.split(";", 2)[0];
        }
    }

    /** Sends bytes as they are. A node that has closed the connection may refuse them. */
    RawClient send(byte[] bytes) {
        try {
            output.write(bytes);
            output.flush();
        } catch (IOException closed) {
            // What follows reads the end.
        }
        return this;
    }

    /** A frame as it travels, with its length before it. */
    static byte[] frame(int stream, int type, int flags, byte[] body) {
        int length = HEADER_BYTES + body.length;
        return ByteBuffer.allocate(3 + length)
                .put((byte) (length >>> 16))
                .putShort((short) length)
                .putInt(stream)
                .putShort((short) (type << TYPE_SHIFT | flags))
                .put(body)
                .array();
    }

    /** The body of a frame with the flag METADATA. */
    static byte[] payload(byte[] metadata, byte[] data) {
        return ByteBuffer.allocate(3 + metadata.length + data.length)
                .put((byte) (metadata.length >>> 16))
                .putShort((short) metadata.length)
                .put(metadata)
                .put(data)
                .array();
    }

    /** The body of a frame that asks for a stream. */
    static byte[] demanding(int demand, byte[] payload) {
        return ByteBuffer.allocate(Integer.BYTES + payload.length)
                .putInt(demand)
                .put(payload)
                .array();
    }

    static FrameHeaderMessage.Builder header(Operation operation) {
        return FrameHeaderMessage.newBuilder()
                .setOperation(operation.wireId())
                .setCallId(ByteString.copyFrom(new byte[16]))
                .setDeadlineMillis(60_000);
    }

    RawClient request(int stream, FrameHeaderMessage.Builder header, byte[] data) {
        return send(
                frame(stream, REQUEST_RESPONSE, METADATA, payload(header.build().toByteArray(), data)));
    }

    /** Opens a channel with demand for all that comes. */
    RawClient channel(int stream, FrameHeaderMessage.Builder header, byte[] data) {
        byte[] first = payload(header.build().toByteArray(), data);
        return send(frame(stream, REQUEST_CHANNEL, METADATA, demanding(Integer.MAX_VALUE, first)));
    }

    RawClient setUp() {
        return send(setupFrame(10_000, 60_000));
    }

    byte[] setupFrame(int intervalMillis, int lifetimeMillis) {
        return setupFrame(intervalMillis, lifetimeMillis, hello.toMessage());
    }

    static byte[] setupFrame(int intervalMillis, int lifetimeMillis, HelloMessage hello) {
        byte[] metadataType = "application/vnd.hivemind.frame.v1+protobuf".getBytes(StandardCharsets.US_ASCII);
        byte[] dataType = "application/octet-stream".getBytes(StandardCharsets.US_ASCII);
        byte[] payload = payload(hello.toByteArray(), new byte[0]);
        byte[] body = ByteBuffer.allocate(14 + metadataType.length + dataType.length + payload.length)
                .putShort((short) 1)
                .putShort((short) 0)
                .putInt(intervalMillis)
                .putInt(lifetimeMillis)
                .put((byte) metadataType.length)
                .put(metadataType)
                .put((byte) dataType.length)
                .put(dataType)
                .put(payload)
                .array();
        return frame(0, SETUP, METADATA, body);
    }

    RawClient greet() {
        return request(HELLO_STREAM, header(Operation.HELLO), new byte[0]);
    }

    /** Sets the connection up to the end; returns the proof that it sent. */
    byte[] prove() throws IOException {
        setUp().greet();
        Frame answer = readFrame();
        if (answer == null || answer.type() != PAYLOAD) {
            throw new IOException("The node did not answer HELLO: " + answer);
        }
        Hello other =
                Hello.fromMessage(HelloReplyMessage.parseFrom(answer.data()).getHello());
        byte[] proof = HelloProof.sign(identity, HelloProof.Role.DIALLER, hello, other);
        sendProof(proof);
        return proof;
    }

    RawClient sendProof(byte[] signature) {
        MessageLite proof = HelloProofMessage.newBuilder()
                .setSignature(ByteString.copyFrom(signature))
                .build();
        byte[] metadata = header(Operation.HELLO).build().toByteArray();
        return send(frame(PROOF_STREAM, REQUEST_FNF, METADATA, payload(metadata, proof.toByteArray())));
    }

    /** The next frame; null when the node has closed the connection. */
    @Nullable Frame readFrame() throws IOException {
        Frame waiting = unread;
        if (waiting != null) {
            unread = null;
            return waiting;
        }
        try {
            int length = input.readUnsignedByte() << 16 | input.readUnsignedShort();
            int stream = input.readInt();
            int type = input.readUnsignedShort();
            byte[] body = input.readNBytes(length - HEADER_BYTES);
            return new Frame(stream, type >>> TYPE_SHIFT, type & FLAGS, body);
        } catch (SocketTimeoutException open) {
            throw open;
        } catch (IOException closed) {
            return null;
        }
    }

    /** Waits for the first REQUEST_N, then sends; sends nothing if the node refuses the stream instead. */
    RawClient sendWhenAsked(byte[] bytes) throws IOException {
        Frame frame = readFrame();
        if (frame != null && frame.type() == REQUEST_N) {
            return send(bytes);
        }
        unread = frame;
        return this;
    }

    /** What the node says of a stream, or of the connection: the name of the error, "answered", or "closed". */
    String outcome() throws IOException {
        for (Frame frame = readFrame(); frame != null; frame = readFrame()) {
            if (frame.type() == ERROR) {
                return frame.error();
            }
            if (frame.type() == PAYLOAD && (frame.flags() & NEXT) != 0 && frame.stream() != HELLO_STREAM) {
                return "answered";
            }
        }
        return "closed";
    }

    /** Whether the node closes the connection, whatever it sends before. */
    boolean isClosed() throws IOException {
        try {
            input.transferTo(OutputStream.nullOutputStream());
        } catch (SocketTimeoutException open) {
            return false;
        } catch (IOException reset) {
            return true;
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
