package dev.hivemind.launcher.options;

import dev.hivemind.rsocket.identity.PeerAddress;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code HOST:PORT}. */
public final class AddressConverter implements ITypeConverter<PeerAddress> {

    @Override
    public PeerAddress convert(String text) {
        try {
            return PeerAddress.parse(text);
        } catch (IllegalArgumentException malformed) {
            throw new TypeConversionException(malformed.getMessage());
        }
    }

    /** Reads {@code HOST:PORT} of a peer to connect to, whose port is never 0. */
    public static final class OfPeer implements ITypeConverter<PeerAddress> {

        private final AddressConverter any = new AddressConverter();

        @Override
        public PeerAddress convert(String text) {
            PeerAddress address = any.convert(text);
            if (address.port() == 0) {
                throw new TypeConversionException(
                        "'%s' has port 0, at which nobody listens; give the port that the peer printed when it started"
                                .formatted(text));
            }
            return address;
        }
    }
}
