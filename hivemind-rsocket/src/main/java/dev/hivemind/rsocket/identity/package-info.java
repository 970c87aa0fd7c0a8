/**
 * Who a peer is and where it can be reached.
 *
 * <p>A {@link dev.hivemind.rsocket.identity.PeerIdentity} is an Ed25519 key pair; the
 * {@link dev.hivemind.rsocket.identity.PeerId} is the SHA-256 of its public key and serves as the DHT node id too.
 */
@NullMarked
package dev.hivemind.rsocket.identity;

import org.jspecify.annotations.NullMarked;
