// What the page shows of each panel and control. Runs inside Kibana's page; gives plain data.
([panels, controls]) => {
  const ERRORS = [
    '[data-test-subj="expression-renderer-error"]',
    '[data-test-subj="embeddable-lens-failure"]',
    '[data-test-subj="embeddableStackError"]',
    '[data-test-subj="embeddableError"]',
    '[data-test-subj="errorMessageMarkdown"]',
    '[class*="expression-renderer-error"]',
    '[class*="embeddable-lens-failure"]',
    '.vgaVis__message--err',
    '.vgaVis__message--warn',
  ];
  const text = (node) => (node.innerText || node.textContent || '').replace(/\s+/g, ' ').trim();
  const all = (node, selector) => [...node.querySelectorAll(selector)];
  const texts = (node, selector) => all(node, selector).map(text);
  const quoted = (value) => CSS.escape(value);

  // Vega's own marks, without axes, legends and titles; a mark of no extent is not seen by anybody.
  const seen = (mark) => {
    const box = mark.getBBox();
    return mark.tagName === 'text' ? text(mark) !== '' : box.width > 0 || box.height > 0;
  };
  const painted = (canvas) => {
    if (!canvas.width || !canvas.height) return false;
    const pixels = new Uint32Array(
      canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return pixels.some((pixel) => pixel !== pixels[0]);
  };
  const vega = (panel) => {
    const view = panel.querySelector('.vgaVis__view');
    if (!view) return null;
    const canvas = view.querySelector('canvas');
    if (canvas) return { marks: painted(canvas) ? null : 0, texts: [], empty: null };
    const marks = all(view, 'svg .role-mark:not(.mark-group) > *').filter(seen);
    const empty = marks.filter((mark) => mark.closest('.role-mark').classList.contains('empty'));
    return {
      marks: marks.length - empty.length,
      texts: texts(view, 'svg text').filter((one) => one !== ''),
      empty: empty.length ? empty.map(text).join(' ') : null,
    };
  };

  const read = (id) => {
    const panel = document.querySelector(`[data-test-embeddable-id="${quoted(id)}"]`);
    if (!panel) return null;
    const body = panel.querySelector('.embPanel__content') || panel;
    const rows = all(panel, '[data-test-subj="lnsDataTable"] [role="row"]:not(.euiDataGridHeader)');
    const nothing = panel.querySelector('[data-test-subj="emptyPlaceholder"]');
    return {
      // An error's own element may lie in another one.
      errors: [...new Set(ERRORS.flatMap((selector) => texts(panel, selector)))],
      rendered: panel.matches('[data-render-complete="true"]')
        || panel.querySelector('[data-render-complete="true"]') !== null,
      text: text(body),
      header: texts(panel, '[data-test-subj="dataGridHeader"] [role="columnheader"]'),
      rows: rows.map((row) => texts(row, '[data-test-subj="lnsTableCellContent"]')),
      metrics: texts(panel, '[data-test-subj="metric_value"]'),
      legend: texts(panel, '.echLegendItem__label'),
      chart: panel.querySelector('.echChart') !== null,
      nothing: nothing && text(nothing),
      vega: vega(panel),
    };
  };

  const readControl = (id) => {
    const frame = document.querySelector(`[data-control-id="${quoted(id)}"], #controlFrame--${quoted(id)}`);
    if (!frame) return null;
    return {
      errors: texts(frame, '[data-test-subj="control-frame-error"]'),
      rendered: frame.querySelector('.controlFrame--controlLoading, .euiLoadingChart') === null,
    };
  };

  return {
    panels: Object.fromEntries(panels.map((id) => [id, read(id)])),
    controls: Object.fromEntries(controls.map((id) => [id, readControl(id)])),
    toasts: all(document, '.euiToast--danger, .euiToast--warning').map((toast) =>
      texts(toast, '.euiToastHeader__title, .euiToastBody').filter((one) => one !== '').join(': ')),
    height: Math.ceil(Math.max(
      ...all(document, '.react-grid-item, .controlGroup').map((node) => node.getBoundingClientRect().bottom), 0)),
  };
}
