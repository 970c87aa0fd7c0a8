package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindResultMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers to finds as protobuf: every contact travels once, however many results name it. Reading throws
 * {@link ProtocolViolationException} for whatever is out of bounds. Safe for use from any thread.
 */
final class FindReplyCodec {

    /** One for all nodes of a process, since they mostly speak of the same peers. */
    private static final ContactCodec CONTACTS = new ContactCodec();

    private FindReplyCodec() {}

    static FindReplyMessage toMessage(FindReply reply) {
        FindReplyMessage.Builder message = FindReplyMessage.newBuilder();
        if (reply.results().size() == 1) {
            return addOnly(reply.results().get(0), message).build();
        }
        Map<NodeId, Integer> places = new HashMap<>();
        for (FindResult result : reply.results()) {
            FindResultMessage.Builder answer = FindResultMessage.newBuilder();
            for (Contact contact : result.closest()) {
                answer.addClosest(place(contact, places, message));
            }
            message.addResults(answer.addAllEntries(EntryCodec.toMessages(result.value())));
        }
        return message.build();
    }

    /** No other result names the same contacts. */
    private static FindReplyMessage.Builder addOnly(FindResult result, FindReplyMessage.Builder message) {
        FindResultMessage.Builder answer = FindResultMessage.newBuilder();
        for (Contact contact : result.closest()) {
            answer.addClosest(message.getContactsCount());
            message.addContacts(CONTACTS.toBytes(contact));
        }
        return message.addResults(answer.addAllEntries(EntryCodec.toMessages(result.value())));
    }

    private static int place(Contact contact, Map<NodeId, Integer> places, FindReplyMessage.Builder message) {
        Integer known = places.putIfAbsent(contact.id(), places.size());
        if (known != null) {
            return known;
        }
        message.addContacts(CONTACTS.toBytes(contact));
        return places.size() - 1;
    }

    /** Reads the answer to a request for so many targets. */
    static FindReply toFindReply(FindReplyMessage message, int targets) {
        return DhtCodec.checked(() -> {
            DhtCodec.requireAnswers(message.getResultsCount(), targets);
            DhtCodec.requireCount("contacts", message.getContactsCount(), targets * FindResult.MAX_CONTACTS);
            List<Contact> named = new ArrayList<>(message.getContactsCount());
            for (ByteString bytes : message.getContactsList()) {
                named.add(CONTACTS.toContact(bytes));
            }
            List<FindResult> results = new ArrayList<>(targets);
            for (FindResultMessage result : message.getResultsList()) {
                results.add(toResult(result, named));
            }
            return new FindReply(results);
        });
    }

    private static FindResult toResult(FindResultMessage message, List<Contact> named) {
        DhtCodec.requireCount("contacts", message.getClosestCount(), FindResult.MAX_CONTACTS);
        List<Contact> closest = new ArrayList<>(message.getClosestCount());
        for (int i = 0; i < message.getClosestCount(); i++) {
            int place = message.getClosest(i);
            if (place < 0 || place >= named.size()) {
                throw new IllegalArgumentException("A result names a contact that is not there");
            }
            Contact contact = named.get(place);
            if (!contact.isClientOnly()) {
                closest.add(contact);
            }
        }
        return new FindResult(closest, EntryCodec.toValue(message.getEntriesList()));
    }
}
