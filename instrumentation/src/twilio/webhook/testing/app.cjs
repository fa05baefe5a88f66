require('./run.cjs').run(require('node:http'), require('express'));
