/** A table for people: cells that stand below each other. */

/** Title and width; negative widths are of columns that begin at the left. */
export type Columns = readonly (readonly [title: string, width: number])[];

/** A line of a table. */
export function tableRow(columns: Columns, cells: readonly string[]): string {
  return cells
    .map((cell, i) => {
      const width = columns[i]?.[1] ?? 0;
      return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
    })
    .join("")
    .trimEnd();
}

/** The line above the others. */
export function titleRow(columns: Columns): string {
  return tableRow(
    columns,
    columns.map(([title]) => title),
  );
}
