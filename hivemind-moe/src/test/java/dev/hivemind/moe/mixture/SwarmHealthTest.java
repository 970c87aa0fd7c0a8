package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.testkit.ManualClock;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whom a mixture blames for what. */
class SwarmHealthTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(8);
    private static final PeerId PEER = PeerIdentity.generate().id();
    private static final PeerId OTHER = PeerIdentity.generate().id();

    private final SwarmHealth health = new SwarmHealth(new ManualClock()::nanoTime);
    private final PeerNode node = PeerNode.builder().build();
    private ExpertClient client;

    @BeforeEach
    void makeClient() {
        client = ExpertClient.create(
                node, new ExpertDirectory(DhtNode.builder(node).build()));
    }

    @AfterEach
    void close() {
        client.dispose();
        node.close().block(Swarm.TIMEOUT);
    }

    private Group group(String uid, PeerId peer) {
        RemoteExpert handle =
                client.remote(new ExpertDescriptor(new ExpertUid(uid), peer, List.of(new PeerAddress("127.0.0.1", 1))));
        return new Group(0, handle, new int[] {0}, new int[] {0});
    }

    private Answer answer(String uid, PeerId peer) {
        return new Answer(group(uid, peer), peer, new Reply(List.of(), Unpooled.EMPTY_BUFFER), 1);
    }

    private Failure failure(RpcException error, Duration after) {
        return new Failure(group("ffn.1", PEER), PEER, error, false, after.toNanos(), after.toNanos());
    }

    private static RpcException late() {
        return new DeadlineExceededException("late");
    }

    private void failed(RpcException error) {
        health.passed(List.of(), List.of(failure(error, TIMEOUT)), TIMEOUT);
    }

    private boolean isPeerAvailable() {
        return health.isAvailable(PEER);
    }

    private boolean isExpertAvailable() {
        return isExpertAvailableAt(PEER);
    }

    @Test
    void peer_thatWasLateWithAFairShareOfTime_isLeftAlone() {
        failed(late());

        assertThat(isPeerAvailable()).isFalse();
    }

    @Test
    void peer_thatHadHardlyAnyTime_isNotBlamed() {
        health.passed(List.of(), List.of(failure(late(), TIMEOUT.dividedBy(5))), TIMEOUT);

        assertThat(isPeerAvailable()).isTrue();
        assertThat(isExpertAvailable()).isTrue();
    }

    @Test
    void expert_thatWasLateWhileItsPeerAnswered_isBlamedAlone() {
        health.passed(List.of(answer("ffn.2", PEER)), List.of(failure(late(), TIMEOUT)), TIMEOUT);

        assertThat(isPeerAvailable()).isTrue();
        assertThat(isExpertAvailable()).isFalse();
    }

    @Test
    void peer_thatCannotBeReached_isLeftAlone() {
        failed(new PeerUnavailableException("gone"));

        assertThat(isPeerAvailable()).isFalse();
    }

    @Test
    void nobody_isBlamedForACallThatTheClientHadNoRoomFor() {
        failed(new OverloadedException("no room", Duration.ofSeconds(1)));

        assertThat(isPeerAvailable()).isTrue();
        assertThat(isExpertAvailable()).isTrue();
    }

    @Test
    void expert_thatRefusedTheSamples_isNotBlamed() {
        failed(new ExpertFailedException("The samples are not finite"));

        assertThat(isExpertAvailable()).isTrue();
    }

    @Test
    void expert_whoseAnswerCannotBe_isLeftAlone() {
        var lie = new ExpertFailedException("NaN");
        lie.initCause(new ProtocolViolationException("An answer is of finite numbers"));
        failed(lie);

        assertThat(isPeerAvailable()).isTrue();
        assertThat(isExpertAvailable()).isFalse();
    }

    @Test
    void expert_thatIsUnknownToItsPeer_isLeftAlone() {
        failed(new UnknownExpertException("ffn.1"));

        assertThat(isExpertAvailable()).isFalse();
    }

    @Test
    void expert_ofAnotherSchema_isLeftAloneIfOthersTakeTheInputs() {
        failed(new SchemaMismatchException("other"));
        assertThat(isExpertAvailable()).isTrue();

        health.passed(
                List.of(answer("ffn.2", OTHER)),
                List.of(failure(new SchemaMismatchException("other"), TIMEOUT)),
                TIMEOUT);
        assertThat(isExpertAvailable()).isFalse();
    }

    @Test
    void expert_thatFailedAtOneOwner_isLeftAloneThereOnly() {
        failed(new UnknownExpertException("ffn.1"));

        assertThat(isExpertAvailableAt(OTHER)).isTrue();
    }

    private boolean isExpertAvailableAt(PeerId peer) {
        return health.isAvailable(new ExpertUid("ffn.1"), peer);
    }

    @Test
    void expert_thatItsOwnerGaveUp_isLeftAloneThereOnly() {
        failed(new PeerUnavailableException("given up", new UnknownExpertException("ffn.1")));

        assertThat(isPeerAvailable()).isTrue();
        assertThat(isExpertAvailable()).isFalse();
    }

    @Test
    void owner_thatWasAskedAndKeptSilent_isBlamedInsteadOfTheOneThatIsAskedFirst() {
        health.passed(List.of(), List.of(sharedFailure()), TIMEOUT);

        assertThat(isPeerAvailable()).isTrue();
        assertThat(health.isAvailable(OTHER)).isFalse();
        assertThat(isExpertAvailable()).isTrue();
    }

    @Test
    void owner_thatAnswered_clearsNoOther() {
        failed(new PeerUnavailableException("gone"));

        health.passed(
                List.of(new Answer(shared(), OTHER, new Reply(List.of(), Unpooled.EMPTY_BUFFER), 1)),
                List.of(),
                TIMEOUT);

        assertThat(isPeerAvailable()).isFalse();
    }

    private Failure sharedFailure() {
        return new Failure(shared(), OTHER, late(), false, TIMEOUT.toNanos(), TIMEOUT.toNanos());
    }

    /** A call of an expert that two peers host, of which the first is asked first. */
    private Group shared() {
        var uid = new ExpertUid("ffn.1");
        List<PeerAddress> addresses = List.of(new PeerAddress("127.0.0.1", 1));
        RemoteExpert handle = client.remote(
                List.of(new ExpertDescriptor(uid, PEER, addresses), new ExpertDescriptor(uid, OTHER, addresses)));
        return new Group(0, handle, new int[] {0}, new int[] {0});
    }

    private Failure failure(boolean dispensable, long peerNanos) {
        return new Failure(group("ffn.1", PEER), PEER, late(), dispensable, TIMEOUT.toNanos(), peerNanos);
    }

    @Test
    void owner_thatWasAskedWhenAnotherHadUsedUpTheTime_isNotBlamed() {
        health.passed(List.of(), List.of(failure(false, TIMEOUT.dividedBy(8).toNanos())), TIMEOUT);

        assertThat(isPeerAvailable()).isTrue();
    }

    @Test
    void owner_thatIsAgainAndAgainAskedTooLate_doesNotStall() {
        for (int pass = 0; pass < 3; pass++) {
            health.passed(List.of(answer("ffn.2", OTHER)), List.of(failure(true, 1)), TIMEOUT);
        }

        assertThat(isPeerAvailable()).isTrue();
    }

    @Test
    void peer_thatWasNeverAsked_isNotBlamed() {
        for (int pass = 0; pass < 3; pass++) {
            health.passed(
                    List.of(),
                    List.of(failure(false, Failure.NOBODY_ASKED), failure(true, Failure.NOBODY_ASKED)),
                    TIMEOUT);
        }

        assertThat(isPeerAvailable()).isTrue();
    }

    @Test
    void peer_thatStallsThreeTimesInARow_isLeftAloneThoughNobodyMissesIt() {
        stall();
        stall();
        health.passed(List.of(answer("ffn.2", PEER)), List.of(), TIMEOUT);
        stall();
        stall();
        assertThat(isPeerAvailable()).isTrue();

        stall();
        assertThat(isPeerAvailable()).isFalse();
    }

    private void stall() {
        var group = group("ffn.1", PEER);
        var again = group("ffn.3", PEER);
        health.passed(
                List.of(answer("ffn.2", OTHER)),
                List.of(new Failure(group, PEER, late(), true, 1, 1), new Failure(again, PEER, late(), true, 1, 1)),
                TIMEOUT);
    }
}
