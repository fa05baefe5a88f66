/**
 * A template variable as a ClickHouse string, whatever is in it: a client's id is anyone's text, and a dashboard's URL sets it.
 * Grafana's own quoting formats leave backslashes alone and the plugin expands `$__macros` inside of values, so `a\` or
 * `$__fromTime` would break out of their quotes; a percent-encoded value has neither quote, backslash, dollar nor comment.
 *
 * @param name the variable's name: `client` gives `decodeURLComponent('${client:percentencode}')`
 */
export function variableText(name: string): string {
  return `decodeURLComponent('\${${name}:percentencode}')`;
}
