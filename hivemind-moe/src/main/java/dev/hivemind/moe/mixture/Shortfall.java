package dev.hivemind.moe.mixture;

/** What becomes of a sample that fewer experts answered than {@link MixturePolicy#kMin} asks for. */
public enum Shortfall {
    /** The whole step fails. */
    FAIL,
    /** The sample gives zeros, and no gradient. */
    ZEROS,
    /** The weights of those that did answer add up to one; with nobody left the sample gives zeros. */
    RENORMALISE
}
