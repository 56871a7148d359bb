makeSortable();
startTests();
startScatter();
startWalk();
startSlider();
startApart();
performance.mark("usable");
document.documentElement.dataset.ready = "yes";
