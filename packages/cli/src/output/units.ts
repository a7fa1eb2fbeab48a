/** Sizes and times as people read them. */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Two decimals of the largest unit that gives 1 or more; 1 GiB is 2^30 bytes. */
export function formatBytes(nBytes: number): string {
  let value = nBytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} ${UNITS[0]}` : `${value.toFixed(2)} ${UNITS[unit]}`;
}

/** Two decimals of GiB, however small: sizes of models stay comparable. */
export function formatGiB(nBytes: number): string {
  return `${(nBytes / 2 ** 30).toFixed(2)} GiB`;
}

/** `40 ms`, `8 s`, `1 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  if (ms < 1000) return `${ms} ms`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${pad(total % 60)} s`;
  const minutes = Math.floor(total / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
