/**
 * Arguments of the views over the time picker's range, and at its end. In UTC by name: a view's argument reaches it as text, and a server in another
 * time zone would write it in its own.
 */
const FROM = "toTimeZone($__fromTime, 'UTC')";
const TO = "toTimeZone($__toTime, 'UTC')";
export const RANGE = `from_time = ${FROM}, to_time = ${TO}`;
export const RANGE_BY_STEP = `${RANGE}, step_seconds = $__interval_s`;
export const AT = `at = ${TO}`;
