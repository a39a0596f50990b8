"use strict";
(() => {
  // --- the table ---

  const compare = (one, other) => {
    const numbers = [Number(one), Number(other)];
    if (numbers.some(Number.isNaN)) return one.localeCompare(other);
    return numbers[0] === numbers[1] ? 0 : numbers[0] - numbers[1]; // infinite ones have no difference
  };

  const sortBy = (head, column) => {
    const body = head.closest("table").tBodies[0];
    const keyOf = (row) => row.cells[column].dataset.key;
    const numeric = [...body.rows].some((row) => row.cells[column].classList.contains("number"));
    const first = numeric ? "descending" : "ascending"; // the best method, or the first name
    const second = numeric ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    for (const cell of head.parentElement.cells) cell.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const rows = [...body.rows].sort((one, other) => {
      const keys = [keyOf(one), keyOf(other)];
      if (keys.includes("")) return (keys[0] === "") - (keys[1] === ""); // what is missing comes last
      return order === "ascending" ? compare(...keys) : -compare(...keys);
    });
    body.append(...rows);
  };

  document.querySelectorAll("thead th").forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sortBy(head, column));
  });

  // --- the sounds ---

  const FADE = 0.008; // seconds in which one sound takes the place of another, without a click
  let context = null;
  let sounding = null; // the player that plays: one at a time

  const bytesOf = (address) => {
    const text = atob(address.slice(address.indexOf(",") + 1));
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
  };

  // All sounds of a mixture run at once, each through a gain: to choose another is to turn gains.
  class Player {
    constructor(section) {
      this.section = section;
      this.seconds = Number(section.dataset.seconds);
      this.offset = 0; // of the moment `since` of the context's clock
      this.since = null; // null: pauses
      this.looped = false;
      this.loading = null;
      this.tracks = [...section.querySelectorAll("figure")].map((figure) => ({
        figure,
        row: figure.closest(".row"),
        choose: figure.querySelector(".choose"),
        add: figure.querySelector(".add"),
        save: figure.querySelector(".save"),
      }));
      this.rows = [...section.querySelectorAll(".row")].map((row) => this.tracks.filter((track) => track.row === row));
      this.chosen = this.tracks[0];
      this.heard = new Set([this.chosen]);
      for (const name of ["play", "loop", "position", "time", "heard"]) this[`${name}Part`] = section.querySelector(`.${name}`);
      this.playPart.addEventListener("click", () => this.toggle());
      this.loopPart.addEventListener("click", () => this.loop(!this.looped));
      this.positionPart.addEventListener("input", () => this.seek(Number(this.positionPart.value)));
      for (const track of this.tracks) {
        track.choose.addEventListener("click", () => this.hear(track));
        track.add.addEventListener("click", () => this.add(track));
      }
      section.addEventListener("keydown", (event) => this.press(event));
      this.showHeard();
      this.showPosition();
    }

    get position() {
      if (this.since === null) return this.offset;
      const moment = this.offset + Math.max(0, context.currentTime - this.since);
      return this.looped ? moment % this.seconds : Math.min(moment, this.seconds);
    }

    load() {
      context ??= new AudioContext();
      this.loading ??= Promise.all(
        this.tracks.map(async (track) => {
          track.buffer = await context.decodeAudioData(bytesOf(track.save.href));
        }),
      );
      return Promise.all([this.loading, context.resume()]);
    }

    async toggle() {
      if (this.since !== null) return this.pause();
      this.playPart.setAttribute("aria-busy", "true");
      try {
        await this.load();
      } catch (error) {
        this.heardPart.textContent = `cannot be played here: ${error.message}`;
        return undefined;
      } finally {
        this.playPart.removeAttribute("aria-busy");
      }
      return this.since === null ? this.start() : undefined; // pressed twice, it starts once
    }

    start() {
      if (sounding !== null && sounding !== this) sounding.pause();
      sounding = this;
      if (this.offset >= this.seconds) this.offset = 0;
      const since = context.currentTime + 0.02; // one moment for all, which is not past when the last is told
      for (const track of this.tracks) {
        track.gain = new GainNode(context, { gain: this.volume(track) });
        track.node = new AudioBufferSourceNode(context, { buffer: track.buffer, loop: this.looped });
        track.node.connect(track.gain).connect(context.destination);
        track.node.start(since, this.offset);
      }
      const run = this.tracks[0].node;
      run.addEventListener("ended", () => {
        if (this.tracks[0].node === run) this.finish(); // and was not stopped
      });
      this.since = since;
      this.playPart.textContent = "Pause";
      this.follow();
    }

    pause() {
      this.offset = this.position;
      this.since = null;
      for (const track of this.tracks) {
        const { node } = track;
        track.node = null;
        track.gain.gain.setTargetAtTime(0, context.currentTime, FADE / 3);
        node.stop(context.currentTime + FADE);
      }
      this.playPart.textContent = "Play";
      this.showPosition();
    }

    finish() {
      this.pause();
      this.offset = 0;
      this.showPosition();
    }

    seek(moment) {
      const playing = this.since !== null;
      if (playing) this.pause();
      this.offset = Math.min(Math.max(moment, 0), this.seconds);
      if (playing) this.start();
      this.showPosition();
    }

    loop(looped) {
      this.offset = this.position;
      if (this.since !== null) this.since = context.currentTime;
      this.looped = looped;
      for (const track of this.tracks) if (track.node) track.node.loop = looped;
      this.loopPart.setAttribute("aria-pressed", String(looped));
    }

    volume(track) {
      return this.heard.has(track) ? 1 / this.heard.size : 0; // together they stay below full scale
    }

    hear(track) {
      this.chosen = track;
      this.heard = new Set([track]);
      this.turn();
    }

    add(track) {
      const heard = new Set(this.heard);
      if (!heard.delete(track)) heard.add(track);
      if (!heard.size) return; // something is always heard
      this.heard = heard;
      this.chosen = heard.has(track) ? track : [...heard][0];
      this.turn();
    }

    turn() {
      for (const track of this.tracks) {
        if (track.node) track.gain.gain.setTargetAtTime(this.volume(track), context.currentTime, FADE / 3);
      }
      this.showHeard();
    }

    showHeard() {
      for (const track of this.tracks) {
        const pressed = String(this.heard.has(track));
        track.choose.setAttribute("aria-pressed", pressed);
        track.add.setAttribute("aria-pressed", pressed);
      }
      this.heardPart.textContent = [...this.heard].map((track) => track.figure.dataset.label).join(" + ");
    }

    showPosition() {
      const moment = this.position;
      const words = `${moment.toFixed(1)} of ${this.seconds.toFixed(1)} s`;
      this.section.style.setProperty("--played", moment / this.seconds);
      this.positionPart.value = moment;
      this.positionPart.setAttribute("aria-valuetext", words);
      this.timePart.textContent = words;
    }

    follow() {
      if (this.since === null) return;
      this.showPosition();
      requestAnimationFrame(() => this.follow());
    }

    // The track in the same place of another row, or in another place of the same row.
    beside({ rows = 0, place = null }) {
      const from = this.rows.findIndex((row) => row.includes(this.chosen));
      let to = Math.min(Math.max(from + rows, 0), this.rows.length - 1);
      const wanted = place ?? this.rows[from].indexOf(this.chosen);
      if (place !== null && to === 0) to = 1; // the row of the mixture has no sources
      if (from === 0 && rows > 0) return this.rows[to][this.last ?? 0];
      return this.rows[to][Math.min(wanted, this.rows[to].length - 1)];
    }

    go(track) {
      const from = this.rows.find((row) => row.includes(this.chosen));
      if (from !== this.rows[0]) this.last = from.indexOf(this.chosen); // to come back from the mixture
      this.hear(track);
      track.choose.focus();
    }

    press(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const step = event.shiftKey ? 0.1 : 1;
      const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
      const actions = {
        p: () => this.toggle(),
        l: () => this.loop(!this.looped),
        arrowleft: () => this.seek(this.position - step),
        arrowright: () => this.seek(this.position + step),
        arrowup: () => this.go(this.beside({ rows: -1 })),
        arrowdown: () => this.go(this.beside({ rows: 1 })),
      };
      let action = actions[event.key.toLowerCase()];
      if (digit) {
        const place = Number(digit[1]) - 1;
        const row = this.rows[Math.max(1, this.rows.findIndex((tracks) => tracks.includes(this.chosen)))];
        if (place < 0) action = () => this.go(this.tracks[0]);
        else if (place < row.length) {
          action = () => (event.shiftKey ? this.add(row[place]) : this.go(this.beside({ place })));
        }
      }
      if (!action) return;
      event.preventDefault();
      action();
    }
  }

  document.querySelectorAll(".mixture[data-seconds]").forEach((section) => new Player(section));
})();
