require('./own-sdk.cjs');
require('./calls.cjs');
