// As an application imports it: the hooks go by the specifier.
export { default } from 'stripe';
