// Numbers as a performer reads them.

/** In place of a number that is not known. */
export const NONE = "—";

/** A time in minutes and seconds, and hours where there are some: `3:07`, `1:03:07`. */
export function clockText(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const twoDigits = (number) => String(number).padStart(2, "0");
  return `${hours ? `${hours}:${twoDigits(minutes)}` : minutes}:${twoDigits(whole % 60)}`;
}
