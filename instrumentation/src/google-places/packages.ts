import type { PackageSpec } from '../instrument/package-instrumentation.ts';

/** The gapic client; 1.x returns its inner promise, which cannot be watched without handling its rejection. */
export const GOOGLE_PLACES_PACKAGES: readonly PackageSpec[] = [{ name: '@googlemaps/places', majors: [2, 3] }];

/** Where the Places API is: `maps.googleapis.com` the legacy one (among other APIs), `places.googleapis.com` the new one. */
export const GOOGLE_PLACES_HOSTS: readonly string[] = ['maps.googleapis.com', 'places.googleapis.com'];
