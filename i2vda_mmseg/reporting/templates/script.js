'use strict';
(() => {
  const find = (id) => document.getElementById(id);
  const runNames = [...document.querySelectorAll('.runs .run h2')].map((heading) => heading.textContent.trim());

  // Runs that the reader takes out of all charts.
  const hidden = new Set();
  for (const button of document.querySelectorAll('.toggles button')) {
    button.addEventListener('click', () => {
      const run = Number(button.dataset.run);
      const show = hidden.delete(run) || (hidden.add(run), false);
      button.setAttribute('aria-pressed', String(show));
      for (const line of document.querySelectorAll(`.drawing .run-${run}`)) line.style.display = show ? '' : 'none';
    });
  }

  // The values nearest to the pointer, in words below the chart.
  const nearest = (values, x) =>
    values.reduce((best, value, i) => (Math.abs(value - x) < Math.abs(values[best] - x) ? i : best), 0);

  for (const drawing of document.querySelectorAll('.drawing')) {
    const { box, xlim, curves } = JSON.parse(drawing.querySelector('script').textContent);
    const svg = drawing.querySelector('svg');
    const readout = drawing.parentElement.querySelector('.readout');
    const [left, top, right, bottom] = box;
    const rule = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    rule.setAttribute('class', 'rule');
    rule.setAttribute('y1', top);
    rule.setAttribute('y2', bottom);

    const read = (event) => {
      const shape = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / shape.width;
      const share = ((event.clientX - shape.left) * scale - left) / (right - left);
      const at = xlim[0] + Math.min(1, Math.max(0, share)) * (xlim[1] - xlim[0]);
      const shown = curves.filter((curve) => !hidden.has(curve.run));
      if (!shown.length) return;
      const steps = shown.flatMap((curve) => curve.x);
      const step = steps[nearest(steps, at)];
      const place = left + ((step - xlim[0]) / (xlim[1] - xlim[0])) * (right - left);
      rule.setAttribute('x1', place);
      rule.setAttribute('x2', place);
      svg.append(rule);
      readout.replaceChildren(text(`iteration ${Math.round(step)}`));
      for (const curve of shown) {
        const i = nearest(curve.x, step);
        const near = Math.round(curve.x[i]) === Math.round(step) ? '' : ` (at ${Math.round(curve.x[i])})`;
        readout.append(entry(curve.run, `${runNames[curve.run]} ${curve.y[i]}${near}`));
      }
    };
    drawing.addEventListener('pointermove', read);
    drawing.addEventListener('pointerdown', read);
    drawing.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'touch') return; // what was touched stays to be read
      rule.remove();
      readout.replaceChildren();
    });
  }

  function text(words) {
    const span = document.createElement('span');
    span.textContent = words;
    return span;
  }

  function entry(run, words) {
    const span = text(words);
    const chip = document.createElement('span');
    chip.className = `chip run-color-${run % 8}`;
    span.prepend(chip);
    return span;
  }

  // A picture, large.
  const lightbox = find('lightbox');
  for (const button of document.querySelectorAll('.zoom')) {
    button.addEventListener('click', () => {
      const image = button.querySelector('img');
      const large = lightbox.querySelector('img');
      large.src = image.src;
      large.className = image.className;
      lightbox.querySelector('figcaption').innerHTML = button.parentElement.querySelector('figcaption').innerHTML;
      lightbox.showModal();
    });
  }
  lightbox.addEventListener('click', () => lightbox.close());

  // The clip.
  const source = find('player-data');
  if (!source) return;
  const clip = JSON.parse(source.textContent);
  const image = (uri) => Object.assign(new Image(), { src: uri });
  const frames = clip.frames.map(image);
  const tracks = clip.tracks.map((track) => track.uris.map(image));
  const choices = { left: find('player-left'), right: find('player-right') };
  const slider = find('player-frame');
  const opacity = find('player-opacity');
  const play = find('player-play');
  choices.left.value = clip.tracks.length > 1 ? '0' : '-1';
  choices.right.value = String(clip.tracks.length - 1);
  let timer = null;

  const draw = () => {
    const index = Number(slider.value);
    for (const [side, choice] of Object.entries(choices)) {
      const canvas = find(`player-${side}-view`);
      const pen = canvas.getContext('2d');
      const labels = tracks[Number(choice.value)];
      pen.globalAlpha = 1;
      if (ready(frames[index])) pen.drawImage(frames[index], 0, 0, canvas.width, canvas.height);
      pen.globalAlpha = Number(opacity.value) / 100;
      pen.imageSmoothingEnabled = false;
      if (labels && ready(labels[index])) pen.drawImage(labels[index], 0, 0, canvas.width, canvas.height);
    }
    find('player-name').textContent = `${index + 1} of ${clip.frames.length}: ${clip.names[index]}`;
  };
  const ready = (picture) => picture.complete && picture.naturalWidth > 0;
  const go = (step) => {
    slider.value = String((Number(slider.value) + step + clip.frames.length) % clip.frames.length);
    draw();
  };
  const pause = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = 'Play';
  };
  const start = () => {
    const speed = Number(find('player-speed').value);
    timer = setInterval(() => go(1), 1000 / (clip.fps * speed));
    play.textContent = 'Pause';
  };
  play.addEventListener('click', () => (timer === null ? start() : pause()));
  find('player-back').addEventListener('click', () => (pause(), go(-1)));
  find('player-next').addEventListener('click', () => (pause(), go(1)));
  slider.addEventListener('input', () => (pause(), draw()));
  opacity.addEventListener('input', draw);
  find('player-speed').addEventListener('change', () => {
    if (timer !== null) (pause(), start());
  });
  for (const choice of Object.values(choices)) choice.addEventListener('change', draw);
  for (const picture of [...frames, ...tracks.flat()]) picture.addEventListener('load', draw, { once: true });
  draw();
})();
