"""Questions put to a world, each answered by a study whose cells it designs itself: one module per question."""
