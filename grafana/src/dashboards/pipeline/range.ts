/** Arguments of the views over the time picker's range, and at its end. */
export const RANGE = 'from_time = $__fromTime, to_time = $__toTime';
export const RANGE_BY_STEP = `${RANGE}, step_seconds = $__interval_s`;
export const AT = 'at = $__toTime';
