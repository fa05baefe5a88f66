import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * In a file named .mjs the default import of a CommonJS module is the whole module, as Node has it. Grafana's files are named so and were built for
 * bundlers, where it is the module's `default`: without this, components that come so are objects, and React says error 130.
 */
function bundlerDefaultImports(): Plugin {
  const DEFAULT_IMPORT = /^import ([\w$]+)((?:, \{[^}]*\})?) from '([^.'][^']*)';$/gm;
  return {
    name: 'bundler-default-imports',
    transform(code, id) {
      if (!id.includes('/@grafana/') || !id.endsWith('.mjs')) return undefined;
      return code.replace(
        DEFAULT_IMPORT,
        (_, name: string, named: string, from: string) =>
          `import $cjs_${name}${named} from '${from}';\nconst ${name} = $cjs_${name}?.__esModule && 'default' in $cjs_${name} ? $cjs_${name}.default : $cjs_${name};`,
      );
    },
  };
}

export default defineConfig({
  root: here,
  base: './',
  publicDir: false,
  plugins: [bundlerDefaultImports()],
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  resolve: { dedupe: ['react', 'react-dom'] },
  build: {
    outDir: join(here, 'dist'),
    emptyOutDir: true,
    chunkSizeWarningLimit: 20_000,
    reportCompressedSize: false,
    minify: false,
  },
});
