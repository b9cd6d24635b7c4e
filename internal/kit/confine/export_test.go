package confine

const Racing = racing
