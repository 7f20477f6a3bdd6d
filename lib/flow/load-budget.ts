/** How many connections all loads together may have. A load that lacks work leaves its own to the others. */
export class LoadBudget {
  #free: number;

  constructor(connections: number) {
    this.#free = connections;
  }

  /** One connection more, if there is one. */
  take(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    return true;
  }

  give(connections: number): void {
    this.#free += connections;
  }
}
