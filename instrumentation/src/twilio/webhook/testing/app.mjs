import * as http from 'node:http';
import express from 'express';
import { run } from './run.cjs';

await run(http, express);
