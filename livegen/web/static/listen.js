export function mountListen(_root, _link) {}
