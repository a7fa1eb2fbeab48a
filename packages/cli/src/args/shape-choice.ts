/** Names of the shapes that a model can be made up from. */

import { SHAPES } from "@dllama/converter/shapes";
import type { ShapeName } from "@dllama/converter/shapes";
import { choice } from "./value-types.ts";

// Object.keys() forgets what it was given.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const shapeChoice = choice(Object.keys(SHAPES) as ShapeName[]);
