export function mountPiano(_root, _link) {}
