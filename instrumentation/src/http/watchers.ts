export { watchHttpRequest } from './node-http.ts';
export { watchUndiciRequest } from './undici.ts';
