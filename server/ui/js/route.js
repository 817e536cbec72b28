// The address after the #: which view, and what in it. "#/residency?a=d0&b=d1"
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  return {view: path || 'fleet', parameters: Object.fromEntries(new URLSearchParams(query))};
}

export function routeText(view, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ''}`;
}
