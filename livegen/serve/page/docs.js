// What can be asked, from the OpenAPI document.

import { ask, element } from "./ask.js";

function resolve(schema, document) {
    return schema?.$ref ? schema.$ref.slice(2).split("/").reduce((at, key) => at[key], document) : schema;
}

function describe(name, schema, document) {
    const known = resolve(schema, document) ?? {};
    const kind = known.enum?.join(" | ") ?? known.type ?? known.anyOf?.map((each) => each.type).join(" | ") ?? "";
    const span = known.minimum === undefined ? "" : ` ${known.minimum}..${known.maximum}`;
    const says = [known.description, `${kind}${span}`].filter(Boolean).join("; ");
    return element("li", `${name}: ${says}`);
}

function operation(method, path, about, document) {
    const part = element("section");
    part.append(element("h2", `${method.toUpperCase()} ${path}`), element("p", about.description ?? about.summary ?? ""));
    const list = element("ul");
    for (const each of about.parameters ?? []) list.append(describe(each.name, each.schema, document));
    for (const [type, { schema }] of Object.entries(about.requestBody?.content ?? {})) {
        list.append(element("li", `a body of ${type}`));
        const fields = Object.entries(resolve(schema, document).properties ?? {});
        list.append(...fields.map(([name, field]) => describe(name, field, document)));
    }
    part.append(list, element("p", `answers ${Object.keys(about.responses).join(", ")}`));
    return part;
}

const document_ = await ask("/openapi.json");
for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, about] of Object.entries(methods)) {
        document.getElementById("operations").append(operation(method, path, about, document_));
    }
}
