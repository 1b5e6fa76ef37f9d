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
    const { box, xlim, curves, axis } = JSON.parse(drawing.querySelector('script').textContent);
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
      readout.replaceChildren(text(`${axis} ${Math.round(step)}`));
      for (const curve of shown) {
        const i = nearest(curve.x, step);
        const near = Math.round(curve.x[i]) === Math.round(step) ? '' : ` (at ${Math.round(curve.x[i])})`;
        readout.append(entry(curve.run, `${runNames[curve.run]} ${Number(curve.y[i].toPrecision(4))}${near}`));
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

  // A picture, large, with the ones beside it a key away.
  const lightbox = find('lightbox');
  const pictures = [...document.querySelectorAll('.zoom')];
  pictures.sort((a, b) => Number(a.dataset.order) - Number(b.dataset.order)); // stable: without an order, as on the page
  let shown = 0;
  const enlarge = (index) => {
    shown = (index + pictures.length) % pictures.length;
    const button = pictures[shown];
    const { name, run, key } = button.dataset;
    const image = button.querySelector('img');
    const large = lightbox.querySelector('img');
    const caption = button.parentElement.querySelector('figcaption');
    large.src = image.src;
    large.className = image.className;
    large.alt = [name, run, caption.textContent].filter(Boolean).join(' · ');
    find('lightbox-name').textContent = [name, run].filter(Boolean).join(' · ');
    lightbox.querySelector('figcaption').innerHTML = caption.innerHTML;
    const keys = key ? document.querySelectorAll(`.legend[data-key="${key}"]`) : [];
    find('lightbox-key').replaceChildren(...[...keys].slice(0, 1).map((legend) => legend.cloneNode(true)));
  };
  pictures.forEach((button, index) => button.addEventListener('click', () => (enlarge(index), lightbox.showModal())));
  find('lightbox-back').addEventListener('click', () => enlarge(shown - 1));
  find('lightbox-next').addEventListener('click', () => enlarge(shown + 1));
  find('lightbox-close').addEventListener('click', () => lightbox.close());
  lightbox.addEventListener('click', (event) => event.target === lightbox && lightbox.close()); // beside the picture
  lightbox.addEventListener('close', () => pictures[shown].focus({ preventScroll: false }));
  lightbox.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) (event.preventDefault(), enlarge(shown + step));
  });

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
    mark(index + 1);
    find('player-name').textContent = `${index + 1} of ${clip.frames.length}: ${clip.names[index]}`;
  };
  // Where the frame is in the chart of the flicker, which leads to it.
  const charts = [...document.querySelectorAll('#player-flicker .drawing')].map((drawing) => {
    const { box, xlim } = JSON.parse(drawing.querySelector('script').textContent);
    const svg = drawing.querySelector('svg');
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    line.setAttribute('class', 'now');
    line.setAttribute('y1', box[1]);
    line.setAttribute('y2', box[3]);
    svg.append(line);
    drawing.addEventListener('click', (event) => {
      const shape = svg.getBoundingClientRect();
      const x = ((event.clientX - shape.left) * svg.viewBox.baseVal.width) / shape.width;
      const frame = Math.round(xlim[0] + ((x - box[0]) / (box[2] - box[0])) * (xlim[1] - xlim[0]));
      pause();
      slider.value = String(frame - 1); // the slider keeps within its ends
      draw();
    });
    return { box, xlim, line };
  });
  const mark = (frame) => {
    for (const { box, xlim, line } of charts) {
      const share = (frame - xlim[0]) / (xlim[1] - xlim[0]);
      const x = box[0] + Math.min(1, Math.max(0, share)) * (box[2] - box[0]);
      line.setAttribute('x1', x);
      line.setAttribute('x2', x);
    }
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
