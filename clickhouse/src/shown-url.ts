/** An address as it may be said: without user, password and query, also where it is none. */
export function shownUrl(text: string): string {
  const [address = '', ...query] = text.split(/[?#]/);
  // The last @ is what ends a password; one in a path is cut with what is before it, which only hides more.
  const bare = address.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/|)[^\s]*@/i, '$1…@');
  return query.length > 0 ? `${bare}?…` : bare;
}
