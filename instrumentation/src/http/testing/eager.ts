import { setWatchers } from '../observe.ts';
import * as watchers from '../watchers.ts';

setWatchers(watchers);
