package dev.hivemind.moe.training;

import dev.hivemind.moe.training.DivergedException.Suspect;

/** A segment gave back gradients that are not finite; which batch it was, is added by who knows it. */
final class NotFiniteException extends RuntimeException {

    private final transient Suspect suspect;

    NotFiniteException(String segment, String where) {
        super("Not finite: " + where);
        this.suspect = new Suspect(segment, where);
    }

    Suspect suspect() {
        return suspect;
    }
}
