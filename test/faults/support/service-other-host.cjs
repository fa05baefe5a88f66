// A process whose pid means nothing to its neighbours, as in another container: it has another host name.
require('node:os').hostname = () => 'another-host';
require('node:module').syncBuiltinESMExports();
