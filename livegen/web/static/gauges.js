export function mountGauges(_root, _link) {}
