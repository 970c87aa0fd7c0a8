package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where contacts were reached, one address a line, so that a node finds the DHT again after a restart. Without a path,
 * nothing is kept. Blocks: for threads that may.
 */
record ContactFile(@Nullable Path path) {

    private static final Logger LOG = LoggerFactory.getLogger(ContactFile.class);
    static final int MAX_CONTACTS = 200;
    private static final long MAX_BYTES = 64 * 1024;

    /** The addresses of the last run; none if there is no file, or it is of no use. */
    List<PeerAddress> read() {
        Path file = path;
        List<PeerAddress> addresses = new ArrayList<>();
        try {
            if (file != null && Files.exists(file) && Files.size(file) <= MAX_BYTES) {
                Files.readAllLines(file).stream().limit(MAX_CONTACTS).forEach(line -> add(addresses, line));
            }
        } catch (IOException e) {
            LOG.warn("The contacts in {} cannot be read: {}", file, e.toString());
        }
        return addresses;
    }

    private static void add(List<PeerAddress> addresses, String line) {
        try {
            addresses.add(PeerAddress.parse(line.strip()));
        } catch (IllegalArgumentException malformed) {
            LOG.debug("A contact that is no address is skipped");
        }
    }

    /** Replaces the file as a whole, unless there is nobody to remember. One after the other, since all write beside it first. */
    synchronized void write(List<Contact> contacts) {
        Path file = path;
        List<String> lines = contacts.stream()
                .flatMap(contact -> contact.addresses().stream().limit(1))
                .map(PeerAddress::toString)
                .limit(MAX_CONTACTS)
                .toList();
        if (file == null || lines.isEmpty()) {
            return;
        }
        Path next = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.write(next, lines);
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            LOG.warn("The contacts cannot be written to {}: {}", file, e.toString());
        }
    }
}
