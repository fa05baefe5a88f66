import type { PackageSpec } from '../instrument/package-instrumentation.ts';

export const R2_PACKAGES: readonly PackageSpec[] = [{ name: '@aws-sdk/client-s3', majors: [3, 3] }];
