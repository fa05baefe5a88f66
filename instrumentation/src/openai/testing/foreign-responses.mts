/*
 * Responses that are not what `fetch` of Node.js returns: a service gives the SDK a `fetch` of its own (mocks, wrappers,
 * interceptors), and is handed what that returned by `asResponse()`.
 */

// biome-ignore lint/suspicious/noExplicitAny: nothing here has the types of a Response.
type Any = any;

const requests = (url: Any, init: Any) =>
  fetch(url, { method: init.method, headers: init.headers, body: init.body, signal: init.signal });

/** Makes of a real Response one of another kind. */
export const FOREIGN: Readonly<Record<string, (response: Response) => Any>> = {
  'a plain object': (response) => response,
  'a class with a constructor of its own': (response) => {
    class Own extends Response {
      constructor(from: unknown) {
        if (!(from instanceof Response)) throw new Error('not for you');
        super(from.body, from);
      }
    }
    return new Own(response);
  },
  'a class with methods of its own': (response) => {
    class Own extends (Response as Any) {
      async json() {
        return { own: await super.json() };
      }
    }
    return new (Own as Any)(response.body, response);
  },
  'a proxy': (response) =>
    new Proxy(response, {
      get(target, name) {
        const value = Reflect.get(target, name) as Any;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  'methods of its own': (response) => {
    const text = response.text.bind(response);
    return Object.assign(response, {
      text: async () => ` ${await text()}`,
      json: async () => ({ own: JSON.parse(await text()) }),
    });
  },
  frozen: (response) => Object.freeze(response),
  'one that cannot be changed in part': (response) => Object.defineProperty(response, 'json', { value: response.json }),
};

const kept: Response[] = [];

/** A `fetch` whose answers are of that kind; plain objects have their body read before. */
export function foreignFetch(kind: string): (url: unknown, init: unknown) => Promise<unknown> {
  return async (url, init) => {
    const response = await requests(url, init);
    // With it, when it is collected as garbage, Node.js would end the body that another Response has taken over.
    kept.push(response);
    if (kind !== 'a plain object') return FOREIGN[kind]!(response);
    const { ok, status, statusText, headers, url: from } = response;
    const text = await response.text();
    const plain = {
      ok,
      status,
      statusText,
      headers,
      url: from,
      json: async () => JSON.parse(text),
      text: async () => text,
    };
    return FOREIGN[kind]!(plain as Any);
  };
}
