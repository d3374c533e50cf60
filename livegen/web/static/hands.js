export function mountHands(_root, _link) {}
